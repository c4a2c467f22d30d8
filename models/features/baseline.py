"""A patient's own baseline by hour of day, and how far a value lies from it.

Personal thresholds for heart rate, blood pressure and steps; absolute limits stand beside them and never
adapt. For glucose personal thresholds were measured to add alarms, so none are made.
"""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models.assessment import Reason, ReasonCode
from models.features.grouped_median import grouped_medians
from models.features.local_time import local_day, minute_of_day, zone_of
from models.features.sampling import DAY_MS
from models.time_series import TimeSeries

DAYS: Final = 28
FEWEST_DAYS: Final = 7
"""7 to 28 days: long enough for every weekday, short enough to follow a new season (our judgement)."""

SD_PER_MAD: Final = 1.4826
"""Makes the median absolute deviation estimate the SD of a normal distribution."""

FEWEST_READINGS_PER_HOUR: Final = 5


@dataclass(frozen=True, slots=True)
class Baseline:
    """Median and spread by local hour, float64[24] each, NaN in hours with too few readings.

    `spread` is 1.4826 x MAD; `days` is how many local days had a reading.
    """

    clock: ZoneInfo
    median: NDArray[np.float64]
    spread: NDArray[np.float64]
    days: int


def baseline_of(series: TimeSeries, before_ms: int, zone: str | None, days: int = DAYS) -> Baseline | Reason:
    """The baseline of the `days` before an instant, which itself and the future are left out of."""
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return clock
    past = series.between(before_ms - days * DAY_MS, before_ms - 1)
    worn = int(np.unique(local_day(past.at_ms, clock)).size)
    if worn < FEWEST_DAYS:
        text = f"Readings on {worn} of the {days} days before; a personal baseline needs {FEWEST_DAYS}."
        return Reason(ReasonCode.SPARSE, series.signal, text)
    hour = minute_of_day(past.at_ms, clock) // 60
    median = _by_hour(hour, past.value)
    spread = SD_PER_MAD * _by_hour(hour, np.abs(past.value - median[hour]))
    return Baseline(clock, median, spread, worn)


def deviation(series: TimeSeries, baseline: Baseline) -> NDArray[np.float64]:
    """Distance of each reading from the baseline of its hour in spreads, float64[n].

    NaN where the hour has no baseline or no spread.
    """
    hour = minute_of_day(series.at_ms, baseline.clock) // 60
    spread = baseline.spread[hour]
    away = series.value - baseline.median[hour]
    distance: NDArray[np.float64] = np.full(away.size, np.nan)
    np.divide(away, spread, out=distance, where=spread > 0)
    return distance


def _by_hour(hour: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of each hour, float64[24], NaN where there are too few values."""
    found = grouped_medians(hour, value)
    enough = found.count >= FEWEST_READINGS_PER_HOUR
    medians = np.full(24, np.nan)
    medians[found.group[enough]] = found.median[enough]
    return medians
