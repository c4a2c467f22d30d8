"""A therapy setting over time: basal rate, carb ratio or sensitivity, constant between its changes.

Sits under the insulin and carbohydrate effects, which ask it for the value in force at an instant.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Instants = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Schedule:
    """`value[i]` holds from `since_ms[i]` (UTC milliseconds, ascending) until the next change."""

    since_ms: Instants
    value: Array

    def __post_init__(self) -> None:
        if not 0 < self.since_ms.size == self.value.size:
            raise ValueError("a schedule needs one value for each of its changes, and at least one")
        if (np.diff(self.since_ms) < 0).any():
            raise ValueError("the changes of a schedule must be in order")

    def at(self, instants_ms: ArrayLike) -> Array:
        """The value in force at each instant, any shape. Raises ValueError before the first change."""
        position = np.searchsorted(self.since_ms, np.asarray(instants_ms, np.int64), side="right") - 1
        if np.any(position < 0):
            raise ValueError("the schedule does not reach back to this instant")
        return np.asarray(self.value[position])


def constant(value: float, since_ms: int = 0) -> Schedule:
    """A schedule that never changes."""
    return Schedule(np.array([since_ms], np.int64), np.array([value], np.float64))
