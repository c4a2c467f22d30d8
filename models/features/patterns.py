"""Named glucose patterns with their times of day, worst first: explicit rules, no learning.

Sits over the hourly table; the glucose review says the first one in words.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.assessment import Reason
from models.features.bands import USUAL_RANGE, GlucoseRange
from models.features.hourly import HourlyGlucose, hourly_glucose
from models.features.local_time import zone_of
from models.features.meals import MealResponses, meal_responses
from models.features.night import NIGHT_HOURS, dawn_rise_mgdl
from models.preprocess.usable_cgm import usable_cgm
from models.time_series import TimeSeries

HOUR_MEASURED_MIN: Final = 42.0
"""An hour counts as measured with 70 % of its readings, the share asked of the whole window."""

LOW_DAYS: Final = 2
"""Lows recur when seen on two days: one may be chance, a third is not waited for (our judgement)."""

LOW_DAY_SHARE: Final = 0.1
"""And on a tenth of the measured days: a low pattern of a profile is a 10th percentile below 70 mg/dL at that
time (J Diabetes Sci Technol 2019, doi 10.1177/1932296818813581, table 3). Of 14 days these are two."""

HIGH_DAY_SHARE: Final = 0.5
HIGH_DAYS_MEASURED: Final = 5
"""Highs recur on half of the measured days, of at least five (our judgement); a day is high when half of
the measured time of those hours was."""

DAWN_RISE_MGDL: Final = 20.0
"""Pre-breakfast glucose over the nocturnal nadir (Monnier et al., Diabetes Care 2013;36:4057)."""

UNSTABLE_CV_PERCENT: Final = 36.0
"""Danne et al., Diabetes Care 2017;40:1631."""

MEALS_NEEDED: Final = 5
MEAL_SHARE: Final = 0.5
"""Half of at least five meals (our judgement)."""


HOURS: Final = 24
LONGEST_ACROSS_MIDNIGHT: Final = 12
"""Hours: a longer run belongs to two days rather than to one night (our judgement)."""

EVENING_ENDS: Final = 21
"""A window that begins from here on and crosses midnight is one of nights (our judgement)."""


class Rank(IntEnum):
    """What comes first: hypoglycaemia before everything, then by harm."""

    VERY_LOW = 0
    LOW = 1
    VERY_HIGH = 2
    HIGH = 3
    AFTER_MEALS = 4
    DAWN = 5
    VARIABLE = 6


@dataclass(frozen=True, slots=True)
class Pattern:
    """`name` was seen between two local hours (`until_hour` excluded) on `seen` of `of` days or meals.

    `level_2` of the seen days were below 54 or above 250 mg/dL (3.0, 13.9 mmol/L); 0 where levels are
    not told apart. `extreme_mgdl` is the lowest reading of lows, the mean of highs, the median rise of
    dawn and meals, and None for variability, whose `percent` is the coefficient of variation. Otherwise
    `percent` is the share of measured time in those hours beyond the limit.
    """

    name: str
    rank: Rank
    from_hour: int
    until_hour: int
    seen: int
    of: int
    counted: str
    percent: float
    extreme_mgdl: float | None
    level_2: int = 0

    @property
    def text(self) -> str:
        """The pattern in words, as `lows between 02:00 and 05:00 on 6 of 14 nights, below 54 mg/dL on 3`."""
        if self.rank is Rank.VARIABLE:
            return f"{self.name}: coefficient of variation {self.percent:.0f} %"
        if self.counted == "meals":
            return f"{self.name} after {self.seen} of {self.of} meals"
        hours = f"between {self.from_hour:02d}:00 and {self.until_hour:02d}:00"
        limit = "below 54 mg/dL" if self.rank in (Rank.VERY_LOW, Rank.LOW) else "above 250 mg/dL"
        level_2 = f", {limit} on {self.level_2}" if self.level_2 else ""
        return f"{self.name} {hours} on {self.seen} of {self.of} {self.counted}{level_2}"


def find_patterns(
    glucose: TimeSeries,
    zone: str | None,
    cv_percent: float | None,
    carbs: TimeSeries | None = None,
    limits: GlucoseRange = USUAL_RANGE,
) -> tuple[Pattern, ...] | Reason:
    """Every pattern of the series, worst first, or why times of day cannot be told.

    Give a window of about 14 days; `of` says how many days were measured well enough to count.
    Patterns after meals need recorded carbohydrates, and without them are not looked for.
    """
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return clock
    glucose = usable_cgm(glucose).series
    table = hourly_glucose(glucose, clock, limits)
    return patterns_in(table, cv_percent, None if carbs is None else meal_responses(glucose, carbs))


def patterns_in(
    table: HourlyGlucose, cv_percent: float | None, meals: MealResponses | None = None
) -> tuple[Pattern, ...]:
    """The patterns of an hourly table and of the meals, where these are recorded; worst first."""
    found = [*_lows(table), *_highs(table), *_dawn(table), *_variability(cv_percent)]
    if meals is not None:
        found += _after_meals(meals)
    return tuple(sorted(found, key=lambda p: (p.rank, -p.seen / p.of, p.from_hour, p.name)))


def _lows(calendar: HourlyGlucose) -> Iterator[Pattern]:
    for window in _windows(np.count_nonzero(calendar.low > 0, axis=0)):
        table, hours = _one_piece(calendar, window)
        low = table.low[:, hours].sum(axis=1)
        seen = int(np.count_nonzero(low > 0))
        of = int(np.count_nonzero(_measured(table, hours) | (low > 0)))
        if seen < max(LOW_DAYS, LOW_DAY_SHARE * of):
            continue
        level_2 = int(np.count_nonzero(table.very_low[:, hours].sum(axis=1) > 0))
        yield Pattern(
            name="lows",
            rank=Rank.VERY_LOW if level_2 >= LOW_DAYS else Rank.LOW,
            from_hour=window.start,
            until_hour=_on_the_clock(window.stop),
            seen=seen,
            of=of,
            counted=_counted(window),
            percent=_percent(low, table, hours),
            extreme_mgdl=float(np.nanmin(table.lowest_mgdl[low > 0][:, hours])),
            level_2=level_2,
        )


def _highs(calendar: HourlyGlucose) -> Iterator[Pattern]:
    for window in _windows(np.count_nonzero(calendar.high > calendar.measured / 2, axis=0)):
        table, hours = _one_piece(calendar, window)
        measured = _measured(table, hours)
        high = table.high[:, hours].sum(axis=1)
        total = table.measured[:, hours].sum(axis=1)
        seen, of = int(np.count_nonzero(measured & (high > total / 2))), int(np.count_nonzero(measured))
        if of < HIGH_DAYS_MEASURED or seen < HIGH_DAY_SHARE * of:
            continue
        level_2 = int(np.count_nonzero(measured & (table.very_high[:, hours].sum(axis=1) > total / 2)))
        yield Pattern(
            name="highs",
            rank=Rank.VERY_HIGH if level_2 >= HIGH_DAY_SHARE * of else Rank.HIGH,
            from_hour=window.start,
            until_hour=_on_the_clock(window.stop),
            seen=seen,
            of=of,
            counted=_counted(window),
            percent=_percent(high, table, hours),
            extreme_mgdl=float(np.nanmean(table.mean_mgdl[measured][:, hours])),
            level_2=level_2,
        )


def _dawn(table: HourlyGlucose) -> Iterator[Pattern]:
    rise = dawn_rise_mgdl(table)
    seen, of = int(np.count_nonzero(rise >= DAWN_RISE_MGDL)), rise.size
    if of >= HIGH_DAYS_MEASURED and seen >= HIGH_DAY_SHARE * of:
        share = 100 * seen / of
        yield Pattern("dawn rise", Rank.DAWN, 3, 6, seen, of, "nights", share, float(np.median(rise)))


def _variability(cv_percent: float | None) -> Iterator[Pattern]:
    if cv_percent is not None and cv_percent > UNSTABLE_CV_PERCENT:
        yield Pattern("high variability", Rank.VARIABLE, 0, 24, 1, 1, "windows", cv_percent, None)


def _after_meals(meals: MealResponses) -> Iterator[Pattern]:
    """Highs by the rise within the meal's hours, lows by episodes that start in them."""
    of = meals.rise_mgdl.size
    followed = ~np.isnan(meals.lowest_mgdl)
    high, low = int(np.count_nonzero(meals.high)), int(np.count_nonzero(followed))
    if low >= LOW_DAYS:
        lowest = float(meals.lowest_mgdl[followed].min())
        yield Pattern("lows", Rank.LOW, 0, 24, low, of, "meals", 100 * low / of, lowest)
    if of >= MEALS_NEEDED and high >= MEAL_SHARE * of:
        rise = float(np.median(meals.rise_mgdl))
        yield Pattern("highs", Rank.AFTER_MEALS, 0, 24, high, of, "meals", 100 * high / of, rise)


def _windows(days: NDArray[np.int64]) -> Iterator[slice]:
    """Runs of hours, worst first, each grown while half as many days were hit as in its worst hour.

    A run of one night may cross midnight, and its end is then beyond 24; a longer one ends there.
    """
    left = days.copy()
    while left.any():
        worst = int(left.argmax())
        often = np.tile(2 * left >= left[worst], 3)
        run = _grown(often, HOURS + worst, range(3 * HOURS))
        if len(run) > LONGEST_ACROSS_MIDNIGHT:
            run = _grown(often, HOURS + worst, range(HOURS, 2 * HOURS))
        left[np.array(run) % HOURS] = 0
        start = run.start % HOURS
        yield slice(start, start + len(run))


def _grown(often: NDArray[np.bool_], worst: int, within: range) -> range:
    first, last = worst, worst + 1
    while first > within.start and often[first - 1]:
        first -= 1
    while last < within.stop and often[last]:
        last += 1
    return range(first, last)


def _one_piece(calendar: HourlyGlucose, window: slice) -> tuple[HourlyGlucose, slice]:
    """A table in whose days the window is one piece, and its columns there."""
    if window.stop <= HOURS:
        return calendar, window
    return calendar.from_hour(window.start), slice(0, window.stop - window.start)


def _on_the_clock(until_hour: int) -> int:
    """The end of a window: 24 at midnight, and 3 where it is 03:00 of the next day."""
    return until_hour - HOURS if until_hour > HOURS else until_hour


def _counted(window: slice) -> str:
    """Nights, also those that begin before midnight."""
    within = window.stop <= NIGHT_HOURS.stop
    across = window.start >= EVENING_ENDS and HOURS < window.stop <= HOURS + NIGHT_HOURS.stop
    return "nights" if within or across else "days"


def _measured(table: HourlyGlucose, hours: slice) -> NDArray[np.bool_]:
    enough: NDArray[np.bool_] = table.measured[:, hours].mean(axis=1) >= HOUR_MEASURED_MIN
    return enough


def _percent(beyond: NDArray[np.float64], table: HourlyGlucose, hours: slice) -> float:
    return float(100 * beyond.sum() / table.measured[:, hours].sum())
