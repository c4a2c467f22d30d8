"""Medians of many groups in one sort.

Sits under the daily values and the baseline by hour: a review asks for hundreds of medians.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class GroupedMedians:
    """Groups int64[m] ascending, the median of each float64[m], and how many values it has int64[m]."""

    group: NDArray[np.int64]
    median: NDArray[np.float64]
    count: NDArray[np.int64]


def grouped_medians(group: NDArray[np.int64], value: NDArray[np.float64]) -> GroupedMedians:
    """Median of the values of each group; both arrays of length n, in any order, groups from 0 on."""
    if not value.size:
        return GroupedMedians(group, value, group)
    span = value.max() - value.min() + 1.0
    order = np.argsort((group - group.min()) * span + (value - value.min()))
    sorted_group, ordered = group[order], value[order]
    first = np.flatnonzero(np.diff(sorted_group, prepend=-1))
    count = np.diff(first, append=group.size)
    middle = (ordered[first + (count - 1) // 2] + ordered[first + count // 2]) / 2
    return GroupedMedians(sorted_group[first], middle, count)
