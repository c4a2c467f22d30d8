"""Readings on 5-minute slots, and statistics of windows that end at each slot: nothing looks ahead.

Sits under `glucose_risk_features`; training and serving read glucose through this one door.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]

SLOT_MS: Final = 300_000
SLOTS_PER_HOUR: Final = 12
SLOTS_PER_DAY: Final = 288

HOLD_SLOTS: Final = 3
"""A reading stands for at most 15 minutes: the longest reporting interval of the sensors on the market."""

OBSERVED_SHARE: Final = 0.3
"""A mean over a window with a smaller share of slots observed is missing (our judgement)."""


def slots_of(at_ms: NDArray[np.int64], value: Column, newest_slot_ms: int, count: int) -> Column:
    """Readings on `count` slots that end at `newest_slot_ms`: float64[count], NaN where none was taken.

    A slot holds the reading nearest to it (the later of two). `at_ms` is sorted and must not pass
    `newest_slot_ms` by half a slot; a question at a slot is asked when that half has passed.
    """
    slot = (at_ms - newest_slot_ms + SLOT_MS // 2) // SLOT_MS + count - 1
    inside = (slot >= 0) & (slot < count)
    measured = np.full(count, np.nan)
    measured[slot[inside]] = value[inside]
    return measured


def held(measured: Column) -> tuple[Column, NDArray[np.int64]]:
    """The last reading carried forward for at most `HOLD_SLOTS`, and the slots since it was taken.

    The age is the array's length where nothing was read before.
    """
    here = np.arange(measured.size)
    last = np.maximum.accumulate(np.where(np.isnan(measured), -1, here))
    age = np.where(last < 0, measured.size, here - last)
    return np.where(age <= HOLD_SLOTS, measured[last], np.nan), age


def earlier(column: Column, slots: int) -> Column:
    """The column `slots` slots before each slot, NaN where that lies before the first."""
    if slots >= column.size:
        return np.full(column.size, np.nan)
    return np.concatenate([np.full(slots, np.nan), column[: column.size - slots]])


def trailing_count(column: Column, slots: int) -> Column:
    """How many of the last `slots` slots, this one included, hold a value."""
    return _trailing_sum(np.where(np.isnan(column), 0.0, 1.0), slots)


def trailing_mean(column: Column, slots: int) -> Column:
    """Mean of the last `slots` slots; NaN where fewer than `OBSERVED_SHARE` of them hold a value."""
    count = trailing_count(column, slots)
    total = _trailing_sum(np.nan_to_num(column), slots)
    enough = count >= max(1.0, OBSERVED_SHARE * slots)
    mean: Column = np.where(enough, total / np.maximum(count, 1), np.nan)
    return mean


def trailing_sd(column: Column, slots: int, around: float) -> Column:
    """Standard deviation of the last `slots` slots; `around`, a constant near the mean, keeps it exact."""
    centred = column - around
    variance = trailing_mean(centred**2, slots) - trailing_mean(centred, slots) ** 2
    return np.sqrt(np.maximum(variance, 0.0))


def trailing_lowest(column: Column, slots: int) -> Column:
    """Lowest value of the last `slots` slots, NaN where none holds a value; O(n log slots)."""
    lowest = np.where(np.isnan(column), np.inf, column)
    covered = 1
    while covered < slots:
        step = min(covered, slots - covered)
        lowest[step:] = np.minimum(lowest[step:], lowest[:-step])
        covered += step
    return np.where(np.isinf(lowest), np.nan, lowest)


def trailing_slope_per_min(column: Column, points: int) -> Column:
    """Least-squares slope through the last `points` slots, per minute; NaN where one of them is missing."""
    minutes = (np.arange(points) - (points - 1) / 2) * (SLOT_MS / 60_000)
    weights = minutes / (minutes @ minutes)
    return sum((w * earlier(column, points - 1 - i) for i, w in enumerate(weights)), np.zeros(column.size))


def _trailing_sum(column: Column, slots: int) -> Column:
    total = np.concatenate([[0.0], np.cumsum(column)])
    difference: Column = total[1:] - total[np.maximum(np.arange(column.size) + 1 - slots, 0)]
    return difference
