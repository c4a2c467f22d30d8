"""A series on even steps of time, with short gaps bridged and long ones left empty.

For what needs a grid: charts, spectral and day-to-day measures look both ways; predictions must not.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.time_series import TimeSeries

STEP_MS: Final = 300_000
LONGEST_GAP_MS: Final = 45 * 60_000
"""Gaps up to 45 minutes are bridged (as iglu and the consensus tools do); longer ones stay empty."""

LONGEST_HOLD_MS: Final = 15 * 60_000
"""A reading is the current one for 15 minutes (hazard H-07)."""


@dataclass(frozen=True, slots=True)
class Grid:
    """`value` float64[n] at `at_ms` int64[n], NaN where nothing is known; `bridged` bool[n] was computed."""

    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    bridged: NDArray[np.bool_]


def resample(series: TimeSeries, start_ms: int, end_ms: int, step_ms: int = STEP_MS) -> Grid:
    """Linear between the neighbours of each step when they are at most 45 minutes apart. Looks ahead.

    A bridged value lies between its neighbours, so it is never lower or higher than what was read.
    `series` has one reading per instant.
    """
    at_ms = np.arange(start_ms, end_ms + 1, step_ms)
    if not len(series):
        return Grid(at_ms, np.full(at_ms.size, np.nan), np.zeros(at_ms.size, bool))
    right = np.searchsorted(series.at_ms, at_ms)
    after = np.minimum(right, len(series) - 1)
    exact = series.at_ms[after] == at_ms
    before = np.maximum(right - 1, 0)
    inside = (right > 0) & (right < len(series))
    bridged = ~exact & inside & (series.at_ms[after] - series.at_ms[before] <= LONGEST_GAP_MS)
    value = np.where(exact | bridged, np.interp(at_ms, series.at_ms, series.value), np.nan)
    return Grid(at_ms, value, bridged)


def hold(series: TimeSeries, start_ms: int, end_ms: int, step_ms: int = STEP_MS) -> Grid:
    """The newest reading at each step while it is at most 15 minutes old: the causal variant."""
    at_ms = np.arange(start_ms, end_ms + 1, step_ms)
    newest = np.searchsorted(series.at_ms, at_ms, side="right") - 1
    value = np.full(at_ms.size, np.nan)
    age = np.full(at_ms.size, LONGEST_HOLD_MS + 1)
    known = newest >= 0
    age[known] = at_ms[known] - series.at_ms[newest[known]]
    fresh = age <= LONGEST_HOLD_MS
    value[fresh] = series.value[newest[fresh]]
    return Grid(at_ms, value, fresh & (age > 0))
