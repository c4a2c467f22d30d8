"""What could not be read of a resource: which signals it may have told of, and until when.

Sits beside the mappers of Observations and of insulin given, which drop it with a reason. A model that adds
amounts up must not read a gap as "none", nor take an older setting for the one in use.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_mappers.codes import Coded, resolve_code
from fhir_mappers.element import unit_carrier
from fhir_mappers.observed_time import (
    DATE_TOLERANCE_MS,
    FUTURE_TOLERANCE_MS,
    IN_FORCE,
    YEAR_2000_MS,
    Reading,
)
from fhir_mappers.references import Json, names, objects, text
from fhir_mappers.row import Drop, Row
from fhir_mappers.site import Site
from fhir_mappers.timing import (
    EFFECTIVE_NAMES,
    MS_PER_DAY,
    Effective,
    Precision,
    TimeFault,
    effective,
    goes_on,
)
from fhir_mappers.unit_conversion import possible_units
from models.patient_record import UNREAD
from models.risk.recorded_terms import LONGEST_COUNT_MS
from models.signals import INSULIN_DELIVERY, STEPS

NOTHING_LOST: Final = frozenset(
    {
        "duplicate", "superseded", "dose_copy_of_other_device", "medication_not_insulin", "test_data",
        "wrong_patient", "focus_not_patient", "subject_not_patient",
        "status:entered-in-error", "status:cancelled", "status:not-done",
    }
)  # fmt: skip
"""Reasons to leave a resource out under which nothing of this patient is missed: a copy, a retraction,
somebody else's (which is answered with a refusal elsewhere), something that was not done."""

PARTS_LOST: Final = ("component_", "sample_")
"""Beginnings of the flags of rows whose resource held more that could not be read."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something of a signal that was sent and cannot be used.

    `until_ms` is the last instant it may be of, None where nobody can tell.
    """

    signal: str
    until_ms: int | None = None


def losses_of(resource: Json | None, found: Sequence[Row] | Drop, reading: Reading) -> tuple[Loss, ...]:
    """What a resource held that its rows, or the drop in their place, do not."""
    if isinstance(found, Drop) and found.reason in NOTHING_LOST:
        return ()
    if resource is None:
        return (Loss(UNREAD),)
    site = reading.site
    signals = _signals(resource, site) if isinstance(found, Drop) else _lost_parts(resource, found, site)
    if not signals:
        return ()
    when = effective(resource, reading.zone, EFFECTIVE_NAMES)
    missed = (
        signals if isinstance(when, TimeFault) else signals - _of_no_use(resource, when, reading.as_of_ms)
    )
    return tuple(Loss(signal, _until_ms(resource, when)) for signal in sorted(missed))


def latest_losses(losses: Iterable[Loss]) -> dict[str, int | None]:
    """The last instant by signal at which something of it may be missed; None where nobody can tell."""
    latest: dict[str, int | None] = {}
    for loss in losses:
        known = latest.get(loss.signal, loss.until_ms)
        latest[loss.signal] = None if known is None or loss.until_ms is None else max(known, loss.until_ms)
    return latest


def _signals(resource: Json, site: Site) -> set[str]:
    """The signals that the codes of a resource and of its components name; `UNREAD` where none is stated."""
    if text(resource, "resourceType") == "MedicationAdministration":
        return {INSULIN_DELIVERY}
    elements = (resource, *objects(resource.get("component")))
    if not any(_names_something(element.get("code")) for element in elements):
        return {UNREAD}
    coded = (resolve_code(e.get("code"), site, possible_units(unit_carrier(e))) for e in elements)
    return {found.row.feature for found in coded if isinstance(found, Coded) and not found.row.is_panel}


def _names_something(code: object) -> bool:
    """Whether a concept states a code, known here or not, or a text."""
    stated = objects(code.get("coding")) if isinstance(code, dict) else []
    return any(names(code)) or any(text(coding, "code") for coding in stated)


def _lost_parts(resource: Json, rows: Sequence[Row], site: Site) -> set[str]:
    """Signals of components that gave no row, and of chunks without some of their samples."""
    flagged = {flag for flags in {row.flags for row in rows} for flag in flags}
    parts = [part for part in PARTS_LOST if any(flag.startswith(part) for flag in flagged)]
    told = {row.signal for row in rows}
    return (_signals(resource, site) - told if "component_" in parts else set()) | (
        told if "sample_" in parts else set()
    )


def _of_no_use(resource: Json, when: Effective, as_of_ms: int) -> frozenset[str]:
    """Signals of which nothing at this time would be used: a setting to come, one count of steps over hours.

    An amount at a time to come is missed, for a clock may be wrong.
    """
    planned = when.precision is Precision.INSTANT and when.at_ms > as_of_ms + FUTURE_TOLERANCE_MS
    hours = when.precision is not Precision.INSTANT or when.until_ms - when.at_ms > LONGEST_COUNT_MS
    long = hours and "valueSampledData" not in resource
    return (IN_FORCE if planned else frozenset()) | ({STEPS} if long else frozenset())


def _until_ms(resource: Json, when: Effective | TimeFault) -> int | None:
    """The last instant it may be of; None without a usable time, where it goes on, or with the time of a
    clock that was reset.
    """
    if isinstance(when, TimeFault) or when.at_ms < YEAR_2000_MS or goes_on(resource, when):
        return None
    if when.precision is Precision.INSTANT:
        return when.until_ms
    return when.until_ms + MS_PER_DAY + DATE_TOLERANCE_MS if when.precision is Precision.DAY else None
