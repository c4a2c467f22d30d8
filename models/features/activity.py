"""Steps per day, from one source a day and only from days on which the device was worn.

Sits beside the other features; the vital-signs review reads it.
"""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from models.assessment import Reason
from models.features.feature import Definition, Feature
from models.features.local_time import local_day, minute_of_day, zone_of
from models.features.sampling import MINUTE_MS
from models.time_series import TimeSeries

WORN_HOURS: Final = 10
WORN_PERCENT: Final = 70.0
"""Wear of a day: readings of heart rate in 10 hours (Troiano et al., Med Sci Sports Exerc 2008;40:181), 70 %
of the day by the device's own account (the share asked of a CGM), or a first and a last step that far apart.
A counter whose owner stays in bed still shows a few steps in the morning and in the evening, one that was
taken off does not. That it was worn in between is assumed, not known (our judgement)."""

LONGEST_INTERVAL_MS: Final = 60 * MINUTE_MS
"""A longer count does not tell at which hours the counter moved."""

LONGEST_DAY_MS: Final = 25 * 60 * MINUTE_MS
"""The day on which the clock goes back; a count over more belongs to no day."""

FEWEST_DAYS: Final = 4
STEPS: Final = Definition(
    "steps_per_day",
    "{steps}/d",
    7,
    f"{FEWEST_DAYS} worn days of 7",
    "median of worn days; Troiano et al. 2008 (4 valid days of 7)",
)


@dataclass(frozen=True, slots=True)
class ActivityInputs:
    """Series of steps and wear; None where the record has none."""

    daily_steps: TimeSeries | None = None
    interval_steps: TimeSeries | None = None
    heart_rate: TimeSeries | None = None
    worn_percent: TimeSeries | None = None


def steps_per_day(inputs: ActivityInputs, as_of_ms: int, zone: str | None) -> Feature:
    """Median steps of the worn days of the week; the day of `as_of_ms` is not over and not counted.

    A daily total stands before the sum of intervals, the larger source of a day before the others:
    totals, intervals, phone and watch are never added to each other.
    """
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return STEPS.unknown("time zone not known", as_of_ms)
    today = int(local_day(np.array([as_of_ms]), clock)[0])
    days = range(today - STEPS.days, today)
    worn = worn_days(inputs, clock)
    if worn is None:
        return STEPS.unknown("wear of the device not known", as_of_ms)
    steps = steps_by_day(inputs, clock)
    counted = [steps[day] for day in days if day in worn and day in steps]
    if len(counted) < FEWEST_DAYS:
        return STEPS.unknown(f"{len(counted)} worn days with steps", as_of_ms)
    return STEPS.known(float(np.median(counted)), as_of_ms)


def steps_by_day(inputs: ActivityInputs, clock: ZoneInfo) -> dict[int, float]:
    """Steps by local day number: the total of the day where one was sent, else the sum of its intervals."""
    return sums_by_day(inputs.interval_steps, clock) | totals_by_day(inputs.daily_steps, clock)


def sums_by_day(steps: TimeSeries | None, clock: ZoneInfo) -> dict[int, float]:
    """Sums of intervals by local day number, from the source that counted most on that day."""
    if steps is None:
        return {}
    steps = steps.take(steps.until_ms - steps.at_ms <= LONGEST_DAY_MS)
    day, total = local_day(steps.at_ms, clock), {}
    for date in np.unique(day):
        today = day == date
        total[int(date)] = float(np.bincount(steps.source[today], steps.value[today]).max())
    return total


def totals_by_day(totals: TimeSeries | None, clock: ZoneInfo) -> dict[int, float]:
    """The largest total by local day number: it grows through its day, and each report has all before."""
    if totals is None:
        return {}
    day = local_day(totals.at_ms, clock)
    return {int(date): float(totals.value[day == date].max()) for date in np.unique(day)}


def worn_days(inputs: ActivityInputs, clock: ZoneInfo) -> set[int] | None:
    """Local days on which the device was worn by any sign; None when nothing tells."""
    moved = _moved(inputs.interval_steps)
    if inputs.worn_percent is None and inputs.heart_rate is None and moved is None:
        return None
    worn: set[int] = set() if moved is None else _moved_for_hours(moved, clock)
    if inputs.worn_percent is not None:
        enough = inputs.worn_percent.take(inputs.worn_percent.value >= WORN_PERCENT)
        worn |= set(local_day(enough.at_ms, clock).tolist())
    if inputs.heart_rate is not None:
        at_ms = inputs.heart_rate.at_ms
        hours = np.unique(local_day(at_ms, clock) * 24 + minute_of_day(at_ms, clock) // 60)
        day, count = np.unique(hours // 24, return_counts=True)
        worn |= set(day[count >= WORN_HOURS].tolist())
    return worn


def _moved(steps: TimeSeries | None) -> TimeSeries | None:
    """Short intervals in which steps were counted; None where there is none."""
    if steps is None:
        return None
    found = steps.take((steps.value > 0) & (steps.until_ms - steps.at_ms <= LONGEST_INTERVAL_MS))
    return found if len(found) else None


def _moved_for_hours(moved: TimeSeries, clock: ZoneInfo) -> set[int]:
    """Local days whose first and last counted interval of one source lie the hours of wear apart."""
    worn: set[int] = set()
    for source in np.unique(moved.source):
        mine = moved.take(moved.source == source)
        days, first = np.unique(local_day(mine.at_ms, clock), return_index=True)
        last = np.append(first[1:], len(mine)) - 1
        apart_ms = mine.at_ms[last] - mine.at_ms[first]
        worn |= set(days[apart_ms >= WORN_HOURS * 60 * MINUTE_MS].tolist())
    return worn
