"""Heart features: resting heart rate and variability against the own weeks before, and the nightly dip.

Sits over the trend and the local clock; the vital-signs review reads it.
"""

from typing import Final

import numpy as np

from models.assessment import Reason
from models.features.feature import Definition, Feature
from models.features.local_time import local_day, minute_of_day, zone_of
from models.features.trend import NEEDS, WINDOW_DAYS, change_from_own_weeks
from models.time_series import TimeSeries

OWN_WEEKS: Final = "own definition: last 7 days against the 21 before, medians of daily medians"

RESTING_CHANGE: Final = Definition("resting_heart_rate_change", "/min", WINDOW_DAYS, NEEDS, OWN_WEEKS)
SDNN_CHANGE: Final = Definition("hrv_sdnn_change", "ms", WINDOW_DAYS, NEEDS, OWN_WEEKS)
RMSSD_CHANGE: Final = Definition("hrv_rmssd_change", "ms", WINDOW_DAYS, NEEDS, OWN_WEEKS)

NIGHT_HOURS: Final = (0, 6)
DAY_HOURS: Final = (9, 21)
FEWEST_NIGHTS: Final = 3
HOURS_OF_NIGHT: Final = 4
HOURS_OF_DAY: Final = 6
DIP: Final = Definition(
    "nocturnal_heart_rate_dip",
    "%",
    7,
    f"{FEWEST_NIGHTS} days with readings in {HOURS_OF_NIGHT} night and {HOURS_OF_DAY} day hours",
    "Ben-Dov et al., Heart 2007;93:1237 (a dip below 10 % carries risk); fixed hours 00-06 and 09-21",
)


def resting_heart_rate_change(resting: TimeSeries, as_of_ms: int, zone: str | None) -> Feature:
    """Change of resting heart rate in beats per minute; only the device's own resting values."""
    return change_from_own_weeks(resting, RESTING_CHANGE, as_of_ms, zone)


def sdnn_change(sdnn: TimeSeries, as_of_ms: int, zone: str | None) -> Feature:
    """Change of SDNN in ms. Never give RMSSD here: the two are not on one scale."""
    return change_from_own_weeks(sdnn, SDNN_CHANGE, as_of_ms, zone)


def rmssd_change(rmssd: TimeSeries, as_of_ms: int, zone: str | None) -> Feature:
    """Change of RMSSD in ms."""
    return change_from_own_weeks(rmssd, RMSSD_CHANGE, as_of_ms, zone)


def nocturnal_dip(heart_rate: TimeSeries, as_of_ms: int, zone: str | None) -> Feature:
    """Median over days of the fall from the day's mean heart rate to the night's, in percent of the day's."""
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return DIP.unknown("time zone not known", as_of_ms)
    window = heart_rate.between(DIP.start_ms(as_of_ms), as_of_ms)
    hour, day = minute_of_day(window.at_ms, clock) // 60, local_day(window.at_ms, clock)
    dips = []
    for date in np.unique(day):
        night = (day == date) & (hour >= NIGHT_HOURS[0]) & (hour < NIGHT_HOURS[1])
        waking = (day == date) & (hour >= DAY_HOURS[0]) & (hour < DAY_HOURS[1])
        if np.unique(hour[night]).size >= HOURS_OF_NIGHT and np.unique(hour[waking]).size >= HOURS_OF_DAY:
            waking_mean = window.value[waking].mean()
            dips.append(100 * (waking_mean - window.value[night].mean()) / waking_mean)
    if len(dips) < FEWEST_NIGHTS:
        return DIP.unknown(f"{len(dips)} such days", as_of_ms)
    return DIP.known(float(np.median(dips)), as_of_ms)
