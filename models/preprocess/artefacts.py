"""Readings that a sensor probably got wrong: flat lines, spikes, compression at night, the first day.

Each finding is a mask for `cleaned.without`. Glycaemic metrics keep these readings, because a real low
looks like some of them; predictions and device checks leave them out and say how many.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.time_series import TimeSeries

MINUTE_MS: Final = 60_000

Mask = NDArray[np.bool_]

FLAT_MGDL: Final = 2.0
FLAT_MIN: Final = 45
"""Unchanged within +-1 mg/dL for 45 minutes (the rule of oref0, hazard H-12)."""

SPIKE_MGDL: Final = 30.0
SPIKE_NEIGHBOURS_MGDL: Final = 20.0
SPIKE_WITHIN_MIN: Final = 20
"""One reading 30 mg/dL off two neighbours that agree: glucose does not turn twice in ten minutes
(our judgement; the fastest sustained physiological change is about 4 mg/dL/min)."""

COMPRESSION_FALL_MGDL: Final = 25.0
COMPRESSION_FALL_MIN: Final = 15
COMPRESSION_LONGEST_MIN: Final = 120
"""Lying on a sensor: a fast fall and an equally fast return within two hours (after the description of
Mensh et al., J Diabetes Sci Technol 2013;7:863; the numbers are our judgement)."""

FIRST_DAY_HOURS: Final = 24


def flat_line(glucose: TimeSeries) -> Mask:
    """Readings in stretches of 45 minutes and more that stay within 2 mg/dL. True marks, bool[n]."""
    marked = np.zeros(len(glucose), bool)
    still = np.abs(np.diff(glucose.value)) <= FLAT_MGDL
    still &= np.diff(glucose.at_ms) <= FLAT_MIN * MINUTE_MS
    edge = np.flatnonzero(np.diff(np.concatenate(([0], still.astype(np.int8), [0]))))
    for first, last in zip(edge[::2], edge[1::2], strict=True):
        if glucose.at_ms[last] - glucose.at_ms[first] >= FLAT_MIN * MINUTE_MS:
            _mark_flat(glucose, int(first), int(last), marked)
    return marked


def _mark_flat(glucose: TimeSeries, first: int, last: int, marked: Mask) -> None:
    """Within readings that change little from one to the next: the stretches that do not drift away."""
    lowest = highest = glucose.value[first]
    for i in range(first, last + 1):
        lowest, highest = min(lowest, glucose.value[i]), max(highest, glucose.value[i])
        while highest - lowest > FLAT_MGDL:
            first += 1
            lowest, highest = glucose.value[first : i + 1].min(), glucose.value[first : i + 1].max()
        if glucose.at_ms[i] - glucose.at_ms[first] >= FLAT_MIN * MINUTE_MS:
            marked[first : i + 1] = True


def spikes(glucose: TimeSeries) -> Mask:
    """Single readings far from both neighbours while these agree, bool[n]. Looks one reading ahead."""
    value, at_ms = glucose.value, glucose.at_ms
    marked = np.zeros(value.size, bool)
    before, here, after = value[:-2], value[1:-1], value[2:]
    off = np.minimum(np.abs(here - before), np.abs(here - after)) > SPIKE_MGDL
    same_side = (here > before) == (here > after)
    near = at_ms[2:] - at_ms[:-2] <= SPIKE_WITHIN_MIN * MINUTE_MS
    marked[1:-1] = off & same_side & near & (np.abs(before - after) <= SPIKE_NEIGHBOURS_MGDL)
    return marked


def compression(glucose: TimeSeries, asleep: Mask) -> Mask:
    """Readings between a fast fall and a fast return, bool[n]; only falls while `asleep` bool[n] count."""
    marked = np.zeros(len(glucose), bool)
    at_ms, value = glucose.at_ms, glucose.value
    earlier = np.searchsorted(at_ms, at_ms - COMPRESSION_FALL_MIN * MINUTE_MS)
    change = value - value[earlier]
    returns = np.flatnonzero(change >= COMPRESSION_FALL_MGDL)
    for bottom in np.flatnonzero((change <= -COMPRESSION_FALL_MGDL) & asleep):
        ahead = returns[np.searchsorted(returns, bottom, side="right") :]
        if ahead.size and at_ms[ahead[0]] - at_ms[bottom] <= COMPRESSION_LONGEST_MIN * MINUTE_MS:
            marked[earlier[bottom] + 1 : ahead[0]] = True
    return marked


def first_day(glucose: TimeSeries, sensor_starts_ms: NDArray[np.int64], hours: int = FIRST_DAY_HOURS) -> Mask:
    """Readings in the first hours of a sensor, bool[n]; starts come from the device's own record."""
    starts = np.sort(sensor_starts_ms)
    newest = np.searchsorted(starts, glucose.at_ms, side="right") - 1
    marked = np.zeros(len(glucose), bool)
    worn = newest >= 0
    marked[worn] = glucose.at_ms[worn] - starts[newest[worn]] < hours * 60 * MINUTE_MS
    return marked
