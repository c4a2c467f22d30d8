"""When a value was observed, as exactly as its signal needs it, and not in the future or before 2000.

Sits between `timing` and `observation`: the rules of use, where `timing` only reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from fhir_mappers.admission import Admission
from fhir_mappers.codes import CodeRow, TimeNeed
from fhir_mappers.pace import UNHURRIED, Pace
from fhir_mappers.site import Site
from fhir_mappers.timing import (
    MS_PER_MINUTE,
    WITHOUT_END,
    Effective,
    Precision,
    TimeFault,
    effective,
    of_text,
)
from models.signals import CARB_RATIO, GLUCOSE_TARGET, INSULIN_SENSITIVITY

FUTURE_TOLERANCE_MS: Final = 5 * MS_PER_MINUTE
"""A clock may run ahead by this much (safety_security.md F-17)."""

DATE_TOLERANCE_MS: Final = 14 * 60 * MS_PER_MINUTE
"""A date begins this much earlier in the easternmost zone than in UTC."""

YEAR_2000_MS: Final = 946_684_800_000
"""Earlier times come from device clocks that were reset."""

IN_FORCE: Final = frozenset({CARB_RATIO, INSULIN_SENSITIVITY, GLUCOSE_TARGET})
"""Settings, whose period ends where they are to be replaced: an end to come says that they hold now."""

LOCAL_TIME_UNKNOWN: Final = "local_time_unknown"
PRECISION_MARKS: Final = frozenset({Precision.DAY.value, Precision.MONTH.value, Precision.YEAR.value})
"""Flags that say how exact a time is; they show in how it is printed, not among the quality flags."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What surrounds every resource of one patient: who, at which site, in which zone, now, and our pace."""

    admission: Admission
    as_of_ms: int
    zone: ZoneInfo | None = None
    pace: Pace = UNHURRIED

    @property
    def site(self) -> Site:
        """The declarations of the site."""
        return self.admission.site


def observed_time(resource: Mapping[str, Any], row: CodeRow, reading: Reading) -> Effective | str:
    """The time of an Observation for this signal with its flags, or the drop reason."""
    when = _found_time(resource, row, reading.zone)
    if isinstance(when, TimeFault):
        return when.value
    reaches_on = "valueSampledData" in resource or row.feature in IN_FORCE
    if (
        reason := _useless(when, row, resource) or _impossible(when, reaches_on, reading.as_of_ms)
    ) is not None:
        return reason
    return replace(when, flags=when.flags | _flags(when, row, reading.zone))


def _found_time(resource: Mapping[str, Any], row: CodeRow, zone: ZoneInfo | None) -> Effective | TimeFault:
    """`effective[x]`, else `issued` except for CGM; the date of a wall-clock time where a date is enough."""
    when = effective(resource, zone)
    if when == TimeFault.MISSING and resource.get("issued") and row.feature != "glucose_cgm":
        return of_text(resource["issued"], zone, "time_from_issued")
    if when == TimeFault.WITHOUT_OFFSET and row.time != TimeNeed.INSTANT:
        wall = resource.get("effectiveDateTime")
        return of_text(wall[:10], zone, "time_without_offset") if isinstance(wall, str) else when
    return when


def _useless(when: Effective, row: CodeRow, resource: Mapping[str, Any]) -> str | None:
    if row.time == TimeNeed.INSTANT and when.precision != Precision.INSTANT:
        return "time_precision"
    if row.feature == "glucose_cgm" and "valueSampledData" not in resource:
        return next((f for f in (WITHOUT_END, "period_without_start") if f in when.flags), None)
    return None


def _impossible(when: Effective, reaches_on: bool, as_of_ms: int) -> str | None:
    """A chunk of samples may reach past now, for its samples are judged one by one, and so may a setting."""
    exact = when.precision == Precision.INSTANT
    last = when.until_ms if exact and not reaches_on else when.at_ms
    return impossible(when.at_ms, last, as_of_ms + (0 if exact else DATE_TOLERANCE_MS))


def impossible(at_ms: int, until_ms: int, as_of_ms: int) -> str | None:
    """The drop reason of a time after now or before 2000, which a clock error made; else None."""
    if at_ms < YEAR_2000_MS:
        return "time_before_2000"
    return "time_in_future" if until_ms > as_of_ms + FUTURE_TOLERANCE_MS else None


def _flags(when: Effective, row: CodeRow, zone: ZoneInfo | None) -> frozenset[str]:
    if when.precision == Precision.INSTANT:
        unknown = zone is None and when.offset_min is None and row.time == TimeNeed.INSTANT
        return frozenset({LOCAL_TIME_UNKNOWN}) if unknown else frozenset()
    coarse = {"date_precision"} if row.time == TimeNeed.DATE else set()
    return frozenset({when.precision.value} | coarse)
