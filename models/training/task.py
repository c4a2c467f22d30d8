"""The answered questions of one learned model: what it sees, what followed, and what must be monotone.

Sits between the windows of a task and its training and evaluation; needs numpy alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.training.questions import Questions

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Task:
    """Features and answers of m questions; `directions` as in `glucose_risk_features.DIRECTIONS`."""

    model: str
    features: Mapping[str, Array]
    questions: Questions
    directions: Mapping[str, int]

    def at(self, rows: NDArray[np.bool_]) -> dict[str, Array]:
        """Features of the questions selected by a mask."""
        return {name: column[rows] for name, column in self.features.items()}

    def matrix(self) -> Array:
        """Features as learning libraries take them: float64[m, features]."""
        return np.stack(list(self.features.values()), axis=1)
