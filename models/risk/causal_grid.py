"""Readings on 5-minute slots, and statistics of windows that end at each slot: nothing looks ahead.

Sits under `glucose_risk_features`; training and serving read glucose through this one door.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
Slots = NDArray[np.int64]
Number = TypeVar("Number", np.float64, np.int64)

SLOT_MS: Final = 300_000
MINUTES_PER_SLOT: Final = 5
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
    before = min(slots, column.size)
    return np.concatenate([np.full(before, np.nan), column[: column.size - before]])


def at_slots(column: Column, slot: Slots) -> Column:
    """The column at some slots, in their shape; NaN where a slot lies before the first."""
    found: Column = np.where(slot >= 0, column[np.maximum(slot, 0)], np.nan)
    return found


@dataclass(frozen=True)
class Trailing:
    """Running sums of a column, [n + 1] each: any window that ends at a slot costs two look-ups.

    Sums are of the distance to `around`, a constant near the mean, which keeps them exact; each is made when
    it is first asked for. `seen` bool[n] says where a value is known, `distance` float64[n] is 0 elsewhere.
    """

    seen: NDArray[np.bool_]
    distance: Column
    around: float

    @classmethod
    def of(cls, column: Column, around: float = 0.0) -> Self:
        """The sums of a column with NaN where nothing is known."""
        known = ~np.isnan(column)
        return cls(known, np.where(known, column - around, 0.0), around)

    @cached_property
    def count(self) -> Slots:
        """How many values are known."""
        return running_total(self.seen)

    @cached_property
    def total(self) -> Column:
        """Sum of the distances."""
        return _running(self.distance)

    @cached_property
    def squares(self) -> Column:
        """Sum of their squares."""
        return _running(self.distance**2)

    def known(self, slots: int, at: Slots) -> Slots:
        """How many of the `slots` slots that end at each of `at` hold a value; none before the first slot."""
        return _window(self.count, slots, at)

    def mean(self, slots: int, at: Slots) -> Column:
        """Mean of the window; NaN where less than `OBSERVED_SHARE` of it is known."""
        return self.around + self._mean_distance(self.total, slots, at)

    def sd(self, slots: int, at: Slots) -> Column:
        """Standard deviation of the window; NaN where its mean is."""
        variance = (
            self._mean_distance(self.squares, slots, at) - self._mean_distance(self.total, slots, at) ** 2
        )
        return np.sqrt(np.maximum(variance, 0.0))

    def _mean_distance(self, sums: Column, slots: int, at: Slots) -> Column:
        count = self.known(slots, at)
        enough = count >= max(1.0, OBSERVED_SHARE * slots)
        return np.where(enough, _window(sums, slots, at) / np.maximum(count, 1.0), np.nan)


def trailing_lowest(column: Column, slots: int, at: Slots) -> Column:
    """Lowest value of the `slots` slots that end at each of `at`, in its shape; NaN where none is known.

    A few windows are looked at one by one; for many all are found at once, in O(n log slots).
    """
    if at.size * slots > column.size:
        return at_slots(_lowest_everywhere(column, slots), at)
    windows = at_slots(column, at[..., None] - np.arange(slots))
    lowest: Column = np.fmin.reduce(windows, axis=-1)
    return lowest


def _lowest_everywhere(column: Column, slots: int) -> Column:
    lowest = np.where(np.isnan(column), np.inf, column)
    covered = 1
    while covered < slots:
        step = min(covered, slots - covered)
        lowest[step:] = np.minimum(lowest[step:], lowest[:-step])
        covered += step
    return np.where(np.isinf(lowest), np.nan, lowest)


def slope_per_min(measured: Column, slots: int, at: Slots) -> Column:
    """Least-squares slope per minute through the readings of the last `slots` slots, float64[m].

    Only readings count, never values held; NaN where the window does not end with one or has no other.
    """
    lags = np.arange(slots)[:, None]
    values = at_slots(measured, at - lags)
    seen = ~np.isnan(values)
    ago = np.where(seen, lags * -MINUTES_PER_SLOT, 0.0)
    centred = np.where(seen, ago - ago.sum(axis=0) / np.maximum(seen.sum(axis=0), 1), 0.0)
    spread = (centred**2).sum(axis=0)
    usable = seen[0] & (spread > 0)
    slope: Column = (centred * np.where(seen, values, 0.0)).sum(axis=0) / np.where(usable, spread, np.nan)
    return slope


def _window(sums: NDArray[Number], slots: int, at: Slots) -> NDArray[Number]:
    after = np.maximum(at + 1, 0)
    window: NDArray[Number] = sums[after] - sums[np.maximum(after - slots, 0)]
    return window


def running_total(flag: NDArray[np.bool_]) -> Slots:
    """How many slots before each are flagged, int64[n + 1]: differences count any stretch at once."""
    return np.concatenate([[0], np.cumsum(flag)])


def _running(column: Column) -> Column:
    sums = np.zeros(column.size + 1)
    np.cumsum(column, out=sums[1:])
    return sums
