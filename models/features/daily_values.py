"""One value a local day of a signal, as far as possible freed of the hour at which it was measured.

Sits over the personal baseline; the detection of changes reads it.
"""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models.assessment import Reason
from models.features.baseline import Baseline, baseline_of
from models.features.grouped_median import grouped_medians
from models.features.local_time import local_day, minute_of_day
from models.preprocess.copies import lowest_per_instant
from models.time_series import TimeSeries

FEWEST_ADJUSTED_SHARE: Final = 0.5
"""Hours are compared with themselves when half of the readings lie in hours that have a baseline."""


@dataclass(frozen=True, slots=True)
class DailyValues:
    """Local day numbers int64[m] ascending, one value and its number of readings each, float64 and int64[m].

    `by_hour` says that each reading was first compared with the patient's own median of its hour.
    """

    day: NDArray[np.int64]
    value: NDArray[np.float64]
    readings: NDArray[np.int64]
    by_hour: bool = False

    def between(self, first_day: int, last_day: int) -> "DailyValues":
        """The days from one to another, both included."""
        keep = (self.day >= first_day) & (self.day <= last_day)
        return DailyValues(self.day[keep], self.value[keep], self.readings[keep], self.by_hour)

    def __len__(self) -> int:
        return int(self.day.size)


def main_source(series: TimeSeries, clock: ZoneInfo) -> TimeSeries:
    """The readings of the source that has most days: two devices are never one baseline."""
    if not len(series) or series.source.min() == series.source.max():
        return series
    pair = np.unique(np.stack([series.source.astype(np.int64), local_day(series.at_ms, clock)]), axis=1)
    most = np.bincount(pair[0]).argmax()
    return series.take(series.source == most)


def daily_medians(series: TimeSeries, clock: ZoneInfo) -> DailyValues:
    """Median of each local day; copies of one instant count once."""
    single = lowest_per_instant(series).series
    return medians_by_day(local_day(single.at_ms, clock), single.value)


def daily_medians_by_hour(series: TimeSeries, clock: ZoneInfo, baseline_end_ms: int) -> DailyValues:
    """Median of each day after taking out the usual course of the day.

    The course is the median by hour of the days before `baseline_end_ms`. Where too few readings lie in
    hours that have one, days are compared as they are.
    """
    single = lowest_per_instant(series).series
    own = baseline_of(single, baseline_end_ms, clock.key)
    if isinstance(own, Reason):
        return daily_medians(series, clock)
    usual = _usual(single, own)
    known = ~np.isnan(usual)
    if known.mean() < FEWEST_ADJUSTED_SHARE:
        return daily_medians(series, clock)
    level = float(np.median(usual[known]))
    day = local_day(single.at_ms[known], clock)
    found = medians_by_day(day, single.value[known] - usual[known] + level)
    return DailyValues(found.day, found.value, found.readings, by_hour=True)


def _usual(series: TimeSeries, own: Baseline) -> NDArray[np.float64]:
    usual: NDArray[np.float64] = own.median[minute_of_day(series.at_ms, own.clock) // 60]
    return usual


def medians_by_day(day: NDArray[np.int64], value: NDArray[np.float64]) -> DailyValues:
    """Median of the values of each day; both arrays of length n, in any order."""
    found = grouped_medians(day, value)
    return DailyValues(found.group, found.median, found.count)
