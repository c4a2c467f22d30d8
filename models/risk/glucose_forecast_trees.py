"""Boosted trees as plain arrays, answered with numpy.

Sits under `glucose_forecast`; equal to the library that grew them (a test compares).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ROWS_AT_ONCE: Final = 512
"""So many that what is touched stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Trees:
    """All nodes of all trees in one array each; intp[k], float64[k], intp[k], and the trees' first nodes.

    A row goes from a node to `left`, or to the node after it where its feature is above `number`. A leaf
    has `left` at itself, and `number` is what it adds; its `feature` is one past the last, which is always
    below.
    """

    feature: NDArray[np.intp]
    number: Array
    left: NDArray[np.intp]
    first: NDArray[np.intp]
    depth: int

    @classmethod
    def from_json(cls, table: Mapping[str, Sequence[Any]], depth: int) -> Self:
        """The trees of a table with `feature`, `number`, `left`, `first`."""
        feature, left, first = (np.array(table[name], np.intp) for name in ("feature", "left", "first"))
        return cls(feature, np.array(table["number"], np.float64), left, first, depth)

    def sum(self, rows: Array) -> Array:
        """What the trees add up to for each row, float64[m, features] to float64[m]."""
        ends = np.full((len(rows), 1), -np.inf)
        wide = np.concatenate([rows, ends], axis=1)
        starts = range(0, len(rows), ROWS_AT_ONCE)
        parts = [self._sum(wide[start : start + ROWS_AT_ONCE]) for start in starts]
        return np.concatenate(parts) if parts else np.empty(0)

    def _sum(self, rows: Array) -> Array:
        columns = rows.shape[1]
        flat = np.ravel(rows)
        row = np.arange(len(rows))[:, None] * columns
        node = np.repeat(self.first[None, :], len(rows), axis=0)
        for _ in range(self.depth):
            node = self.left[node] + (flat[row + self.feature[node]] > self.number[node])
        total: Array = self.number[node].sum(axis=1)
        return total
