"""The ambulatory glucose profile: percentiles of glucose by time of day on the patient's clock.

Sits beside the glycaemic metrics; the charts draw it and the patterns are read from the same bins.
"""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models.assessment import Reason
from models.features.local_time import MINUTES_PER_DAY, minute_of_day, zone_of
from models.preprocess.usable_cgm import usable_cgm
from models.time_series import TimeSeries

PERCENTILES: Final = (5, 10, 25, 50, 75, 90, 95)
"""Bergenstal et al., J Diabetes Sci Technol 2013;7:562 (AGP); 10 and 90 for reports that draw those."""

SLOT_MIN: Final = 15
SLOTS: Final = MINUTES_PER_DAY // SLOT_MIN
KEY_STEP: Final = 65536.0


@dataclass(frozen=True, slots=True)
class AmbulatoryProfile:
    """Glucose by local time of day in 96 slots of 15 minutes from midnight.

    `percentile_mgdl` float64[7, 96], one row per entry of `PERCENTILES`, NaN in slots without a reading;
    `readings` int64[96].
    """

    zone: str
    percentile_mgdl: NDArray[np.float64]
    readings: NDArray[np.int64]

    def curve(self, percentile: int) -> NDArray[np.float64]:
        """One percentile over the day, float64[96] in mg/dL."""
        row: NDArray[np.float64] = self.percentile_mgdl[PERCENTILES.index(percentile)]
        return row


def ambulatory_profile(glucose: TimeSeries, zone: str | None) -> AmbulatoryProfile | Reason:
    """The profile of all usable readings, or why there is none. Percentiles interpolate linearly."""
    clock = zone_of(zone)
    return clock if isinstance(clock, Reason) else profile_on(clock, usable_cgm(glucose).series)


def profile_on(clock: ZoneInfo, glucose: TimeSeries) -> AmbulatoryProfile:
    """The profile of these readings on a known clock."""
    slot = minute_of_day(glucose.at_ms, clock) // SLOT_MIN
    readings = np.bincount(slot, minlength=SLOTS)
    return AmbulatoryProfile(clock.key, _percentiles(slot, glucose.value, readings), readings)


def _percentiles(
    slot: NDArray[np.int64], value: NDArray[np.float64], readings: NDArray[np.int64]
) -> NDArray[np.float64]:
    """All slots at once: sort by slot, then by value, and look the ranks up.

    One sort of a joint key is faster than a sort by two keys; no glucose reaches the key's step.
    """
    table = np.full((len(PERCENTILES), SLOTS), np.nan)
    filled = readings > 0
    ordered = value[np.argsort(slot * KEY_STEP + value)]
    first = (np.cumsum(readings) - readings)[filled]
    rank = np.outer(np.array(PERCENTILES) / 100, readings[filled] - 1)
    low = np.floor(rank).astype(np.int64)
    high = np.minimum(low + 1, readings[filled] - 1)
    left, right = (ordered[first + i] if ordered.size else rank for i in (low, high))
    table[:, filled] = left + (right - left) * (rank - low)
    return table
