"""How a daily value has changed against the patient's own weeks before.

Shared by resting heart rate, heart rate variability, temperature and respiration.
"""

from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models.assessment import Reason
from models.features.feature import Definition, Feature
from models.features.local_time import local_day, zone_of
from models.features.sampling import DAY_MS
from models.time_series import TimeSeries

RECENT_DAYS: Final = 7
BASELINE_DAYS: Final = 21
FEWEST_RECENT: Final = 4
FEWEST_BASELINE: Final = 7
"""The last week against the three before it, most of the one and a week of the other (our judgement)."""

NEEDS: Final = (
    f"{FEWEST_RECENT} of {RECENT_DAYS} days and {FEWEST_BASELINE} of the {BASELINE_DAYS} before them"
)
WINDOW_DAYS: Final = RECENT_DAYS + BASELINE_DAYS


def change_from_own_weeks(
    series: TimeSeries, definition: Definition, as_of_ms: int, zone: str | None
) -> Feature:
    """Median of the last week's daily medians minus that of the three weeks before.

    Readings of several sources are not mixed into one baseline: that gives no value.
    """
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return definition.unknown("time zone not known", as_of_ms)
    window = series.between(definition.start_ms(as_of_ms), as_of_ms)
    if np.unique(window.source).size > 1:
        return definition.unknown("readings come from more than one source", as_of_ms)
    split_ms = as_of_ms - RECENT_DAYS * DAY_MS
    recent = daily_medians(window.between(split_ms, as_of_ms), clock)
    before = daily_medians(window.between(definition.start_ms(as_of_ms), split_ms), clock)
    if recent.size < FEWEST_RECENT or before.size < FEWEST_BASELINE:
        return definition.unknown(f"readings on {recent.size} and {before.size} days", as_of_ms)
    return definition.known(float(np.median(recent) - np.median(before)), as_of_ms)


def daily_medians(series: TimeSeries, clock: ZoneInfo) -> NDArray[np.float64]:
    """Median of each local day that has a reading, float64[days], oldest first."""
    day = local_day(series.at_ms, clock)
    return np.array([np.median(series.value[day == d]) for d in np.unique(day)])
