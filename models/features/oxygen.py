"""Oxygen saturation of the last night or day: nadir, time below 90 %, desaturation index.

Sits beside the other vital features; the vital-signs review reads it. A screening feature of a wearable,
not a sleep study.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.features.feature import Definition, Feature
from models.features.sampling import MINUTE_MS
from models.preprocess.copies import lowest_per_instant
from models.time_series import TimeSeries

LOW_PERCENT: Final = 90.0
FEWEST_READINGS: Final = 10
SPARSE: Final = f"{FEWEST_READINGS} readings in 24 hours"
NADIR: Final = Definition("spo2_nadir", "%", 1, SPARSE, "own definition: lowest reading of 24 hours")
BELOW_90: Final = Definition(
    "spo2_below_90_percent_of_readings", "%", 1, SPARSE, "T90 of sleep medicine, here as a share of readings"
)

DROP_PERCENT: Final = 3.0
DROP_WITHIN_MIN: Final = 2
LONGEST_STEP_MS: Final = MINUTE_MS
FEWEST_HOURS: Final = 4.0
DESATURATION: Final = Definition(
    "oxygen_desaturation_index",
    "/h",
    1,
    f"{FEWEST_HOURS:.0f} h with a reading at least every minute",
    "AASM scoring manual 2.0 (drop of 3 % and more); baseline is the highest reading of the 2 min before",
)


def spo2_nadir(spo2: TimeSeries, as_of_ms: int) -> Feature:
    """Lowest saturation of the last 24 hours in percent."""
    window = lowest_per_instant(spo2.between(NADIR.start_ms(as_of_ms), as_of_ms)).series
    if len(window) < FEWEST_READINGS:
        return NADIR.unknown(f"{len(window)} readings", as_of_ms)
    return NADIR.known(window.value.min(), as_of_ms)


def spo2_below_90(spo2: TimeSeries, as_of_ms: int) -> Feature:
    """Percent of the readings of the last 24 hours that were below 90 %."""
    window = lowest_per_instant(spo2.between(BELOW_90.start_ms(as_of_ms), as_of_ms)).series
    if len(window) < FEWEST_READINGS:
        return BELOW_90.unknown(f"{len(window)} readings", as_of_ms)
    return BELOW_90.known(100 * float(np.mean(window.value < LOW_PERCENT)), as_of_ms)


def desaturation_index(spo2: TimeSeries, as_of_ms: int) -> Feature:
    """Drops of at least 3 % per hour of dense recording in the last 24 hours."""
    window = lowest_per_instant(spo2.between(DESATURATION.start_ms(as_of_ms), as_of_ms)).series
    step_ms = np.diff(window.at_ms)
    hours = float(step_ms[step_ms <= LONGEST_STEP_MS].sum()) / (60 * MINUTE_MS)
    if hours < FEWEST_HOURS:
        return DESATURATION.unknown(f"{hours:.1f} h of such recording", as_of_ms)
    dropped = _recent_highest(window) - window.value >= DROP_PERCENT
    drops = np.count_nonzero(np.diff(dropped.astype(np.int8), prepend=0) == 1)
    return DESATURATION.known(drops / hours, as_of_ms)


def _recent_highest(spo2: TimeSeries) -> NDArray[np.float64]:
    """Highest of the 2 minutes up to each reading, float64[n]; causal."""
    first = np.searchsorted(spo2.at_ms, spo2.at_ms - DROP_WITHIN_MIN * MINUTE_MS)
    highest = spo2.value.copy()
    for back in range(1, int((np.arange(len(spo2)) - first).max()) + 1):
        reach = np.arange(len(spo2)) - back >= first
        highest[reach] = np.maximum(highest[reach], spo2.value[np.flatnonzero(reach) - back])
    return highest
