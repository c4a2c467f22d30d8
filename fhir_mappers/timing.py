"""FHIR dates and times, in every form of the standard, to UTC milliseconds.

Sits under all mappers. Local offsets are kept, because `-00:00` and `Z` say nothing about the local hour.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

MS_PER_SECOND: Final = 1000
MS_PER_MINUTE: Final = 60 * MS_PER_SECOND
MS_PER_DAY: Final = 24 * 60 * MS_PER_MINUTE
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()

EFFECTIVE_NAMES: Final = ("effective", "occurence", "occurrence")
"""Of the time of an administration: R4; R5 as published; R5 as one would spell it."""

WITHOUT_END: Final = "period_without_end"
"""Flag of a period that states no end."""

FHIR_TIME: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


class Precision(StrEnum):
    """How exactly a time was given."""

    INSTANT = "instant"
    DAY = "to_day"
    MONTH = "to_month"
    YEAR = "to_year"


class TimeFault(StrEnum):
    """Why a time cannot be used; the drop reason."""

    MISSING = "time_missing"
    UNREADABLE = "time_unreadable"
    WITHOUT_OFFSET = "time_without_offset"
    REVERSED = "period_reversed"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time: its first millisecond, the first one after it, and the local offset the sender stated.

    For an instant `end_ms == at_ms`; a date ends at the next local midnight. `assumed_zone` says that
    the text had no offset and the configured zone was used; `is_doubtful`, that clocks were changed there
    then: the zone showed this time twice, or never.
    """

    at_ms: int
    end_ms: int
    precision: Precision = Precision.INSTANT
    offset_min: int | None = None
    assumed_zone: bool = False
    is_doubtful: bool = False


def parse_time(text: object, zone: ZoneInfo | None = None) -> Moment | TimeFault:
    """A FHIR date, dateTime or instant; second 60, 24:00, `+14:00` and nanoseconds (cut to ms) included."""
    found = FHIR_TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        return TimeFault.UNREADABLE
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        if hour is None:
            return _calendar_moment(int(year), int(month or 0), int(day or 0), zone)
        midnight_ms = (date(int(year), int(month), int(day)).toordinal() - EPOCH_DAY) * MS_PER_DAY
        clock_ms = _clock_ms(int(hour), int(minute), int(second or 0), fraction or "")
        return _instant(midnight_ms + clock_ms, offset, zone)
    except (ValueError, OverflowError):
        return TimeFault.UNREADABLE


def _clock_ms(hour: int, minute: int, second: int, fraction: str) -> int:
    """Milliseconds since midnight. 24:00:00 ends the day; second 60 is the leap second, the next minute."""
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second or fraction.strip("0"))):
        raise ValueError("no such time of day")
    return ((hour * 60 + minute) * 60 + second) * MS_PER_SECOND + int((fraction + "000")[:3])


def _instant(wall_ms: int, offset: str | None, zone: ZoneInfo | None) -> Moment | TimeFault:
    if offset is None:
        if zone is None:
            return TimeFault.WITHOUT_OFFSET
        at_ms = _in_zone(wall_ms, zone)
        is_doubtful = at_ms != _in_zone(wall_ms, zone, fold=1)
        offset_min = (wall_ms - at_ms) // MS_PER_MINUTE
        return Moment(at_ms, at_ms, offset_min=offset_min, assumed_zone=True, is_doubtful=is_doubtful)
    if offset in ("Z", "-00:00"):
        return Moment(wall_ms, wall_ms)
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError("no such offset")
    offset_min = (hours * 60 + minutes) * (-1 if offset[0] == "-" else 1)
    at_ms = wall_ms - offset_min * MS_PER_MINUTE
    return Moment(at_ms, at_ms, offset_min=offset_min)


def _in_zone(wall_ms: int, zone: ZoneInfo, fold: int = 0) -> int:
    """UTC ms of a wall-clock time in a zone; the earlier where it was shown twice, unless folded."""
    wall = (datetime(1970, 1, 1, tzinfo=zone) + timedelta(milliseconds=wall_ms)).replace(fold=fold)
    return round(wall.astimezone(UTC).timestamp() * MS_PER_SECOND)


def _calendar_moment(year: int, month: int, day: int, zone: ZoneInfo | None) -> Moment:
    """A date, month or year (0 where not given), from local midnight to local midnight; UTC without zone."""
    first = date(year, month or 1, day or 1)
    if day:
        precision, after = Precision.DAY, first + timedelta(days=1)
    elif month:
        precision, after = Precision.MONTH, date(year + month // 12, month % 12 + 1, 1)
    else:
        precision, after = Precision.YEAR, date(year + 1, 1, 1)
    at_ms, end_ms = ((d.toordinal() - EPOCH_DAY) * MS_PER_DAY for d in (first, after))
    if zone is not None:
        at_ms, end_ms = _in_zone(at_ms, zone), _in_zone(end_ms, zone)
    return Moment(at_ms, end_ms, precision)


@dataclass(frozen=True, slots=True)
class Effective:
    """When a resource applies: from `at_ms` to `until_ms`, equal for a point, with what to know about it."""

    at_ms: int
    until_ms: int
    precision: Precision
    offset_min: int | None
    flags: frozenset[str]


def effective(
    resource: Mapping[str, Any], zone: ZoneInfo | None, names: Sequence[str] = ("effective",)
) -> Effective | TimeFault:
    """`effective[x]` of a resource as dateTime, instant, Period or a Timing of one event.

    `names` are the spellings to try: R5 administrations have `occurence[x]`.
    """
    for name in names:
        for form in ("DateTime", "Instant"):
            if (text := resource.get(name + form)) is not None:
                return _of_moment(parse_time(text, zone))
        if isinstance(period := resource.get(f"{name}Period"), Mapping):
            return _of_period(period, zone)
        if isinstance(timing := resource.get(f"{name}Timing"), Mapping):
            events = timing.get("event")
            if isinstance(events, list) and len(events) == 1:
                return _of_moment(parse_time(events[0], zone))
    return TimeFault.MISSING


def goes_on(resource: Mapping[str, Any], when: Effective) -> bool:
    """Whether something is under way with no end stated: what of it has been so far, nobody can tell."""
    return resource.get("status") == "in-progress" and WITHOUT_END in when.flags


def of_text(text: object, zone: ZoneInfo | None, flag: str) -> Effective | TimeFault:
    """One time from another element than `effective[x]`, marked with the flag that says so."""
    found = _of_moment(parse_time(text, zone))
    if isinstance(found, TimeFault):
        return found
    return Effective(found.at_ms, found.until_ms, found.precision, found.offset_min, found.flags | {flag})


def _of_moment(moment: Moment | TimeFault) -> Effective | TimeFault:
    if isinstance(moment, TimeFault):
        return moment
    return Effective(moment.at_ms, moment.at_ms, moment.precision, moment.offset_min, _assumed(moment))


def _of_period(period: Mapping[str, Any], zone: ZoneInfo | None) -> Effective | TimeFault:
    """A Period with start = end is a point; one without end, or without start, keeps the time it has."""
    start, end = (period.get(name) for name in ("start", "end"))
    if start is None or end is None:
        flag = WITHOUT_END if end is None else "period_without_start"
        known = start if end is None else end
        return TimeFault.MISSING if known is None else of_text(known, zone, flag)
    first, last = parse_time(start, zone), parse_time(end, zone)
    if isinstance(first, TimeFault):
        return first
    if isinstance(last, TimeFault):
        return last
    if last.end_ms < first.at_ms:
        return TimeFault.REVERSED
    precision = last.precision if first.precision == Precision.INSTANT else first.precision
    return Effective(first.at_ms, last.end_ms, precision, last.offset_min, _assumed(first) | _assumed(last))


def _assumed(moment: Moment) -> frozenset[str]:
    found = {"time_zone_assumed": moment.assumed_zone, "clock_change": moment.is_doubtful}
    return frozenset(flag for flag, holds in found.items() if holds)
