"""One element that carries a value, the Observation itself or one component, to rows of its signal.

Sits between the readers of values and times, and `observation`, which decides what counts as an element.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_mappers.codes import CodeRow
from fhir_mappers.element import doubts, has_value, off_scale_side, word_of
from fhir_mappers.insulin_doses import LONGEST_EXTENDED_MS
from fhir_mappers.observed_time import FUTURE_TOLERANCE_MS, Reading, observed_time
from fhir_mappers.quantity import Measured, ValueFault, measure, off_scale, pinned, read_text
from fhir_mappers.references import member
from fhir_mappers.row import Row
from fhir_mappers.sampled_data import expand
from fhir_mappers.timing import Effective
from models.features.fasting import FASTING_MARK
from models.signals import INSULIN_BOLUS

AXILLARY: Final = "8328-7"
SKIN_TEMPERATURE_CEL: Final = 34.0
"""An axillary value below this from a device is skin temperature under the wrong code."""

PROVISIONAL_STATUS: Final = frozenset({"preliminary", "registered"})

FASTING_CODES: Final = frozenset({"41604-0", "14770-2", "1556-0"})
"""LOINC: fasting glucose in capillary blood, by glucometer (mass, molar) and unspecified."""

DEVICE_SUMMARY: Final = "cgm_"
"""Signals that a CGM vendor computed; kept apart from our own computation."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What all rows of one Observation share."""

    resource: Mapping[str, Any]
    reference: str
    source: str
    updated_ms: int
    flags: frozenset[str]


def part_rows(
    element: Mapping[str, Any], row: CodeRow, origin: Origin, reading: Reading
) -> tuple[Row, ...] | str:
    """Rows of one element under its resolved code, or the reason why it gives none."""
    if row.unit == "code":
        return _word_row(element, row, origin, reading)
    if "valueSampledData" in element:
        return _sampled_rows(element, row, origin, reading)
    value = read_value(element, row, reading)
    if isinstance(value, ValueFault):
        return value.reason
    if row.code == AXILLARY and origin.source and value.value < SKIN_TEMPERATURE_CEL:
        return "implausible:skin_temperature"
    when = observed_time(origin.resource, row, reading)
    if isinstance(when, str):
        return when
    if row.feature == INSULIN_BOLUS and when.until_ms - when.at_ms > LONGEST_EXTENDED_MS:
        return "implausible"
    value = pinned(value, row, origin.source, reading.site)
    return (_row(replace(value, flags=value.flags | doubts(element)), row, when, origin),)


def read_value(element: Mapping[str, Any], row: CodeRow, reading: Reading) -> Measured | ValueFault:
    """The one number of an element, from whichever `value[x]` can hold it."""
    if "valueQuantity" in element:
        return measure(member(element, "valueQuantity"), row, reading.site)
    if "valueInteger" in element:
        return measure({"value": element["valueInteger"]}, row, reading.site)
    if isinstance(written := element.get("valueString"), str):
        return read_text(written, row, reading.site)
    if not has_value(element) and (side := off_scale_side(element)):
        return off_scale(side, row, reading.site, "value_from_interpretation")
    return ValueFault("value_not_numeric" if has_value(element) else "value_missing")


def _word_row(
    element: Mapping[str, Any], row: CodeRow, origin: Origin, reading: Reading
) -> tuple[Row, ...] | str:
    word = word_of(element)
    if word is None:
        return "value_not_coded" if has_value(element) else "value_missing"
    when = observed_time(origin.resource, row, reading)
    if isinstance(when, str):
        return when
    return (replace(_row(Measured(0.0, 0.0, "code"), row, when, origin), label=word),)


def _sampled_rows(
    element: Mapping[str, Any], row: CodeRow, origin: Origin, reading: Reading
) -> tuple[Row, ...] | str:
    """Rows of a chunk; samples after now are left out like unreadable ones, and counted in a flag."""
    when = observed_time(origin.resource, row, reading)
    if isinstance(when, str):
        return when
    still_filling = bool(origin.flags & PROVISIONAL_STATUS)
    chunk = expand(member(element, "valueSampledData"), row, when, reading.site, still_filling=still_filling)
    if isinstance(chunk, ValueFault):
        return chunk.reason
    latest = reading.as_of_ms + FUTURE_TOLERANCE_MS
    past = [sample for sample in chunk.samples if sample.at_ms <= latest]
    flags = when.flags | chunk.flags | doubts(element)
    if lost := len(chunk.samples) - len(past):
        flags |= {f"sample_in_future:{lost}"}
    rows = [
        _row(
            sample.measured,
            row,
            replace(when, at_ms=sample.at_ms, until_ms=sample.at_ms, flags=flags),
            origin,
        )
        for sample in past
    ]
    return tuple(rows) or "sample_error"


def _row(value: Measured, row: CodeRow, when: Effective, origin: Origin) -> Row:
    flags = origin.flags | value.flags | when.flags
    if row.feature.startswith(DEVICE_SUMMARY):
        flags |= {"device_summary"}
    if row.code in FASTING_CODES:
        flags |= {FASTING_MARK}
    return Row(
        signal=row.feature, value=value.value, unit=row.canonical, at_ms=when.at_ms, until_ms=when.until_ms,
        native_value=value.native_value, native_unit=value.native_unit, reference=origin.reference,
        source=origin.source, censored=value.censored, flags=flags,
        offset_min=when.offset_min, updated_ms=origin.updated_ms,
    )  # fmt: skip
