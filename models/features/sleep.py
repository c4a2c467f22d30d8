"""Sleep: how long, and how regular.

Sits beside the other features; the vital-signs review reads it.
"""

from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models.assessment import Reason
from models.features.feature import Definition, Feature
from models.features.local_time import MINUTES_PER_DAY, local_ms, zone_of
from models.features.sampling import DAY_MS, MINUTE_MS
from models.time_series import TimeSeries

FEWEST_NIGHTS: Final = 5
DURATION: Final = Definition(
    "sleep_duration",
    "min",
    7,
    f"{FEWEST_NIGHTS} nights of 7",
    "median of nights; adults need 7 h and more (Watson et al., Sleep 2015;38:843)",
)
MIDPOINT_SD: Final = Definition(
    "sleep_midpoint_sd",
    "min",
    7,
    f"start and end of {FEWEST_NIGHTS} nights of 7",
    "SD of the midpoint of sleep on the local clock (circular)",
)

SHORTEST_MIN: Final = 60.0
LONGEST_HOURS: Final = 18
"""Shorter sleep is a nap; a longer interval is the date that the record gave, not a night (our judgement)."""


def sleep_duration(sleep: TimeSeries, as_of_ms: int, zone: str | None) -> Feature:
    """Median minutes of sleep per night of the week; `sleep.value` is minutes asleep."""
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return DURATION.unknown("time zone not known", as_of_ms)
    nights = nights_of(sleep.between(DURATION.start_ms(as_of_ms), as_of_ms), clock)
    if len(nights) < FEWEST_NIGHTS:
        return DURATION.unknown(f"{len(nights)} nights", as_of_ms)
    return DURATION.known(float(np.median(nights.value)), as_of_ms)


def sleep_midpoint_sd(sleep: TimeSeries, as_of_ms: int, zone: str | None) -> Feature:
    """Spread of the midpoints of sleep in minutes; needs intervals, not bare durations or dates."""
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return MIDPOINT_SD.unknown("time zone not known", as_of_ms)
    length_ms = sleep.until_ms - sleep.at_ms
    timed = sleep.take((length_ms > 0) & (length_ms < LONGEST_HOURS * 60 * MINUTE_MS))
    nights = nights_of(timed.between(MIDPOINT_SD.start_ms(as_of_ms), as_of_ms), clock)
    if len(nights) < FEWEST_NIGHTS:
        return MIDPOINT_SD.unknown(f"{len(nights)} nights with both", as_of_ms)
    middle = local_ms((nights.at_ms + nights.until_ms) // 2, clock) % DAY_MS / MINUTE_MS
    return MIDPOINT_SD.known(_circular_sd_min(middle), as_of_ms)


def nights_of(sleep: TimeSeries, clock: ZoneInfo) -> TimeSeries:
    """The longest sleep that ends on each local day, from whichever source."""
    long = sleep.take(sleep.value >= SHORTEST_MIN)
    day = local_ms(long.until_ms, clock) // DAY_MS
    order = np.lexsort((-long.value, day))
    _, first = np.unique(day[order], return_index=True)
    return long.take(order[first])


def _circular_sd_min(minute: NDArray[np.float64]) -> float:
    """SD of times of day: the length of the mean unit vector as an angle, in minutes."""
    turn = np.exp(2j * np.pi * minute / MINUTES_PER_DAY)
    length = min(1.0, float(np.abs(turn.mean())))
    return float(np.sqrt(-2 * np.log(length)) * MINUTES_PER_DAY / (2 * np.pi))
