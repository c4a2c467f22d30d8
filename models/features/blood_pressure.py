"""Home blood pressure: the mean of enough readings, its morning and evening, its dip, and how sure it is.

Sits over the local clock; the vital-signs review reads it. One pressure at a time, systolic or diastolic.
"""

from dataclasses import dataclass, replace
from math import erfc, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.assessment import Reason
from models.features.feature import Definition, Feature, count_text
from models.features.local_time import minute_of_day, zone_of
from models.features.sampling import DAY_MS
from models.preprocess.copies import lowest_per_instant
from models.time_series import TimeSeries

FEWEST_READINGS: Final = 12
FEWEST_DAYS: Final = 3
WINDOW_DAYS: Final = 7
MEAN: Final = Definition(
    "home_mean",
    "mm[Hg]",
    WINDOW_DAYS,
    f"{FEWEST_READINGS} readings on {FEWEST_DAYS} days",
    "Shimbo et al., Circulation 2020;142:e42 (AHA/AMA: 12 readings and more over 3 to 7 days)",
)

MORNING_HOURS: Final = (5, 11)
EVENING_HOURS: Final = (17, 24)
FEWEST_OF_EACH: Final = 3
MORNING_EVENING: Final = Definition(
    "morning_minus_evening",
    "mm[Hg]",
    WINDOW_DAYS,
    f"{FEWEST_OF_EACH} morning and {FEWEST_OF_EACH} evening readings",
    "Kario, Hypertension 2010;56:765 (morning-evening difference); hours are ours",
)

DAYTIME_HOURS: Final = (9, 21)
NIGHT_HOURS: Final = (1, 6)
FEWEST_DAYTIME: Final = 20
FEWEST_NIGHT: Final = 7
DIP: Final = Definition(
    "nocturnal_dip",
    "%",
    2,
    f"{FEWEST_DAYTIME} daytime and {FEWEST_NIGHT} night readings",
    "O'Brien et al., J Hypertens 2013;31:1731 (ESH: 20 day and 7 night readings; 09-21 and 01-06)",
)

WITHIN_PERSON_SD_MMHG: Final = {"sbp": 10.0, "dbp": 6.0}
"""SD of one person's readings from day to day: about 10 systolic; the diastolic one is our judgement."""

CUTS_MMHG: Final = {"acc_aha": {"sbp": 130.0, "dbp": 80.0}, "esh": {"sbp": 135.0, "dbp": 85.0}}
"""Home hypertension: ACC/AHA 2017 and ESH 2023."""


def home_mean(pressure: TimeSeries, as_of_ms: int) -> Feature:
    """Mean pressure of the week in mmHg. Days are 24-hour blocks back from `as_of_ms`: no zone is needed."""
    definition = _named(MEAN, pressure)
    window = lowest_per_instant(pressure.between(definition.start_ms(as_of_ms), as_of_ms)).series
    days = _days(window, as_of_ms)
    if len(window) < FEWEST_READINGS or days < FEWEST_DAYS:
        return definition.unknown(
            f"{count_text(len(window), 'reading')} on {count_text(days, 'day')}", as_of_ms
        )
    return definition.known(window.value.mean(), as_of_ms)


def probability_above(pressure: TimeSeries, cut_mmhg: float, as_of_ms: int) -> Feature:
    """Probability, 0 to 1, that the true mean is at or above the cut: normal around the home mean.

    The standard error is the within-person SD over the root of the number of days, not of readings:
    readings of one day are not independent.
    """
    mean = home_mean(pressure, as_of_ms)
    definition = replace(
        mean.definition, name=f"{pressure.signal}_probability_at_least_{cut_mmhg:.0f}", unit="1",
        source="normal mean with known within-person SD; own definition",
    )  # fmt: skip
    if mean.value is None:
        return replace(mean, definition=definition)
    days = _days(pressure.between(mean.start_ms, as_of_ms), as_of_ms)
    error_mmhg = WITHIN_PERSON_SD_MMHG[pressure.signal] / sqrt(days)
    return definition.known(0.5 * erfc((cut_mmhg - mean.value) / (error_mmhg * sqrt(2))), as_of_ms)


def morning_minus_evening(pressure: TimeSeries, as_of_ms: int, zone: str | None) -> Feature:
    """Mean of the week's mornings minus mean of its evenings, mmHg."""
    definition = _named(MORNING_EVENING, pressure)
    parts = _parts(pressure, definition, as_of_ms, zone)
    if isinstance(parts, Reason):
        return definition.unknown("time zone not known", as_of_ms)
    morning, evening = parts.between(*MORNING_HOURS), parts.between(*EVENING_HOURS)
    if min(morning.size, evening.size) < FEWEST_OF_EACH:
        return definition.unknown(f"{morning.size} and {evening.size} readings", as_of_ms)
    return definition.known(morning.mean() - evening.mean(), as_of_ms)


def nocturnal_dip(pressure: TimeSeries, as_of_ms: int, zone: str | None) -> Feature:
    """Fall from the daytime to the night mean in percent of the daytime mean; under 10 is no dip."""
    definition = _named(DIP, pressure)
    parts = _parts(pressure, definition, as_of_ms, zone)
    if isinstance(parts, Reason):
        return definition.unknown("time zone not known", as_of_ms)
    daytime, night = parts.between(*DAYTIME_HOURS), parts.between(*NIGHT_HOURS)
    if daytime.size < FEWEST_DAYTIME or night.size < FEWEST_NIGHT:
        return definition.unknown(f"{daytime.size} and {night.size} readings", as_of_ms)
    return definition.known(100 * (daytime.mean() - night.mean()) / daytime.mean(), as_of_ms)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Values with their local hour, float64[n] and int64[n]."""

    value: NDArray[np.float64]
    hour: NDArray[np.int64]

    def between(self, start_hour: int, end_hour: int) -> NDArray[np.float64]:
        return self.value[(self.hour >= start_hour) & (self.hour < end_hour)]


def _parts(pressure: TimeSeries, definition: Definition, as_of_ms: int, zone: str | None) -> _Parts | Reason:
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return clock
    window = lowest_per_instant(pressure.between(definition.start_ms(as_of_ms), as_of_ms)).series
    return _Parts(window.value, minute_of_day(window.at_ms, clock) // 60)


def _days(window: TimeSeries, as_of_ms: int) -> int:
    return int(np.unique((as_of_ms - window.at_ms) // DAY_MS).size)


def _named(definition: Definition, pressure: TimeSeries) -> Definition:
    """The definition for this pressure, as `sbp_home_mean`."""
    return replace(definition, name=f"{pressure.signal}_{definition.name}")
