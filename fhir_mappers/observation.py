"""One Observation to rows of signals, or to a counted drop; in the order in which doubts weigh.

Patient, status, absent value, code, value and unit, time, plausibility. Works on plain decoded JSON and
is the reference: the fast path for the common shape must give the same rows.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_mappers.codes import LOINC, Coded, CodeRow, Uncoded, resolve_code
from fhir_mappers.element import (
    MOST_COMPONENTS,
    absence,
    doubts,
    has_value,
    off_scale_side,
    source_of,
    unit_carrier,
)
from fhir_mappers.measured_part import PROVISIONAL_STATUS, Origin, part_rows
from fhir_mappers.observed_time import Reading
from fhir_mappers.references import member, names, objects, text
from fhir_mappers.row import NO_FLAGS, Drop, Row
from fhir_mappers.timing import TimeFault, parse_time
from fhir_mappers.unit_conversion import possible_units

USABLE_STATUS: Final = frozenset({"final", "amended", "corrected", "preliminary", "registered"})

READ_IN_REPORTS: Final = USABLE_STATUS | {"partial", "appended"}
"""Statuses of a DiagnosticReport whose results stand (FHIR R4); those that it adds to an Observation's."""

RMSSD_WORDS: Final = ("rmssd", "whoop", "fitbit", "health connect", "healthconnect")
"""Words in text, display or source that tell RMSSD, where a converter sends it under the SDNN code."""

BODY_FLUID_CODES: Final = frozenset({"2344-0", "14745-4"})
"""LOINC: glucose in body fluid. Exporters use it for sensors, laboratories for effusions and liquor."""

PRESSURE_TEXT: Final = re.compile(r"(\d{2,3})\s*/\s*(\d{2,3})\s*(?:mm\s?\[?Hg\]?)?", re.ASCII | re.IGNORECASE)
PRESSURE_CODES: Final = ("8480-6", "8462-4")
HIGHEST_KPA: Final = 43
"""A systolic number above this can only be mm[Hg]: 43 kPa are 322 mm[Hg], beyond the hard limit."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows of usable components, flags for those that were not, and the reason of the first of them."""

    rows: tuple[Row, ...] = ()
    flags: frozenset[str] = NO_FLAGS
    reason: str | None = None


def map_observation(resource: Mapping[str, Any], reference: str, reading: Reading) -> tuple[Row, ...] | Drop:
    """Rows of one Observation; none for one that only groups others; a Drop with its reason otherwise."""
    coded = resolve_code(resource.get("code"), reading.site, possible_units(unit_carrier(resource)))
    if isinstance(coded, Coded) and coded.row.feature == "bp_panel":
        resource = _with_pressure_components(resource)
    components = objects(resource.get("component"))
    absent = absence(resource)
    reason = reading.admission.refusal(resource) or refused_status(text(resource, "status"))
    if reason is None and len(components) > MOST_COMPONENTS:
        reason = "too_many_components"
    if reason is not None or (absent is not None and not components):
        return Drop(reference, reason or absent or "")
    valued = has_value(resource) or off_scale_side(resource) != 0
    if resource.get("hasMember") and not valued and not components:
        return ()
    if isinstance(coded, Coded) and coded.row.code in BODY_FLUID_CODES and _is_laboratory(resource):
        return Drop(reference, "code_is_laboratory_fluid")
    if isinstance(coded, Uncoded) and (coded.reason != "code_unmapped" or not components):
        return Drop(reference, coded.reason, coded.flags)
    origin = _origin(resource, reference, coded.flags)
    own = _own_rows(origin, coded, reading) if valued and isinstance(coded, Coded) else ()
    if isinstance(own, str):
        return Drop(reference, own)
    parts = _component_rows(components, origin, reading)
    if _reversed_pressure(parts.rows):
        return Drop(reference, "implausible:sbp<=dbp")
    if not own and not parts.rows:
        unknown = coded.reason if isinstance(coded, Uncoded) else None
        return Drop(reference, unknown or parts.reason or absent or "value_missing", parts.flags)
    flags = parts.flags | ({"panel_code_unknown"} if isinstance(coded, Uncoded) else set())
    return tuple(replace(row, flags=row.flags | flags) if flags else row for row in (*own, *parts.rows))


def _is_laboratory(resource: Mapping[str, Any]) -> bool:
    """Whether a laboratory measured it: it says so or names a specimen, and no device."""
    if resource.get("device") is not None or "valueSampledData" in resource:
        return False
    categories = [code for concept in objects(resource.get("category")) for code in _codes(concept)]
    return resource.get("specimen") is not None or "laboratory" in categories


def _codes(concept: object) -> list[str]:
    return [text(coding, "code") for coding in objects(member({"c": concept}, "c").get("coding"))]


def refused_status(status: str) -> str | None:
    """The drop reason of a status that must not be used, None for one that may."""
    return None if status in USABLE_STATUS else f"status:{status or 'missing'}"


def refused_report(status: str) -> str | None:
    """The same for the status of a report and with it for what it contains."""
    return None if status in READ_IN_REPORTS else f"status:{status or 'missing'}"


def _own_rows(origin: Origin, coded: Coded, reading: Reading) -> tuple[Row, ...] | str:
    """Rows of the Observation's own value; a value under a code that only groups is no measurement."""
    resource = origin.resource
    if coded.row.is_panel:
        return () if resource.get("component") else "value_not_numeric"
    row = as_meant(coded.row, (resource.get("code"), resource.get("method")), origin.source)
    if row is not coded.row:
        origin = replace(origin, flags=origin.flags | {"code_text_conflict"})
    return part_rows(resource, row, origin, reading)


def as_meant(row: CodeRow, concepts: Iterable[object], source: str) -> CodeRow:
    """The row, or RMSSD where the code says SDNN and text, display or source say RMSSD."""
    if row.feature != "hrv_sdnn":
        return row
    words = " ".join([*(name for concept in concepts for name in names(concept)), source]).lower()
    return replace(row, feature="hrv_rmssd") if any(word in words for word in RMSSD_WORDS) else row


def _origin(resource: Mapping[str, Any], reference: str, code_flags: frozenset[str]) -> Origin:
    meta = member(resource, "meta")
    updated = parse_time(meta.get("lastUpdated"))
    flags = code_flags | doubts(resource) | ({text(resource, "status")} & PROVISIONAL_STATUS)
    source = source_of(resource.get("device"), meta.get("source"))
    return Origin(resource, reference, source, 0 if isinstance(updated, TimeFault) else updated.at_ms, flags)


def _component_rows(components: list[dict[str, Any]], origin: Origin, reading: Reading) -> Parts:
    """Rows of all components with a known code; the flag of a lost part names it."""
    parts = Parts()
    for component in components:
        coded = resolve_code(component.get("code"), reading.site, possible_units(unit_carrier(component)))
        if isinstance(coded, Uncoded) or coded.row.is_panel:
            continue
        row = as_meant(coded.row, (component.get("code"),), origin.source)
        meant = {"code_text_conflict"} if row is not coded.row else set()
        part_origin = replace(origin, flags=origin.flags | coded.flags | meant)
        modified = "modifier_extension" if component.get("modifierExtension") else None
        found = modified or absence(component) or part_rows(component, row, part_origin, reading)
        if isinstance(found, str):
            flag = _lost_part(found, row.feature)
            parts = replace(parts, flags=parts.flags | {flag}, reason=parts.reason or found)
        else:
            parts = replace(parts, rows=parts.rows + found)
    return parts


def _lost_part(reason: str, feature: str) -> str:
    if reason.startswith("data_absent") or reason == "value_missing":
        return f"component_absent:{feature}"
    if reason == "unit_contradicts_code":
        return "component_code_unit_contradiction"
    return f"component_dropped:{feature}:{reason}"


def _reversed_pressure(rows: tuple[Row, ...]) -> bool:
    """Whether the systolic value is not above the diastolic one: swapped, or no blood pressure at all."""
    value = {row.signal: row.value for row in rows}
    return "sbp" in value and "dbp" in value and value["sbp"] <= value["dbp"]


def _with_pressure_components(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """The resource; a blood pressure written as `120/80` becomes the two components that it stands for."""
    written = resource.get("valueString")
    found = PRESSURE_TEXT.fullmatch(written.strip()) if isinstance(written, str) else None
    if found is None or int(found[1]) <= HIGHEST_KPA or resource.get("component"):
        return resource
    components = [
        {
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "valueQuantity": {"value": float(number), "code": "mm[Hg]"},
        }
        for code, number in zip(PRESSURE_CODES, found.groups(), strict=True)
    ]
    rest = {name: value for name, value in resource.items() if name != "valueString"}
    return {**rest, "component": components}
