"""What of a resource can be searched: its patient, its date range and its tokens.

Pure; `storage` keeps the result beside the resource and `search` asks for it by the same names.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from cds_service.sandbox.fhir_dates import Range, range_of

Resource = Mapping[str, Any]


class Token(NamedTuple):
    """One searchable code: the search parameter it answers, its system (empty when none) and the code."""

    parameter: str
    system: str
    code: str


@dataclass(frozen=True, slots=True)
class SearchParameters:
    """How one resource type is searched: the name of its date parameter, where it stands, its tokens."""

    date: str | None = None
    date_elements: tuple[str, ...] = ()
    tokens: Mapping[str, str] = field(default_factory=dict)


_EFFECTIVE: Final = ("effectiveDateTime", "effectivePeriod", "effectiveInstant")

PARAMETERS: Final[Mapping[str, SearchParameters]] = {
    "Patient": SearchParameters(None, (), {"gender": "gender", "active": "active"}),
    "Observation": SearchParameters(
        "date", _EFFECTIVE, {"code": "code", "category": "category", "status": "status"}
    ),
    "DiagnosticReport": SearchParameters(
        "date", _EFFECTIVE, {"code": "code", "category": "category", "status": "status"}
    ),
    "Condition": SearchParameters(
        "recorded-date",
        ("recordedDate",),
        {
            "code": "code",
            "category": "category",
            "clinical-status": "clinicalStatus",
            "verification-status": "verificationStatus",
        },
    ),
    "AllergyIntolerance": SearchParameters(
        "date", ("recordedDate",), {"code": "code", "clinical-status": "clinicalStatus"}
    ),
    "MedicationRequest": SearchParameters(
        "authoredon",
        ("authoredOn",),
        {
            "code": "medicationCodeableConcept",
            "status": "status",
            "intent": "intent",
            "category": "category",
        },
    ),
    "MedicationAdministration": SearchParameters(
        "effective-time", _EFFECTIVE, {"code": "medicationCodeableConcept", "status": "status"}
    ),
    "MedicationStatement": SearchParameters(
        "effective",
        _EFFECTIVE,
        {"code": "medicationCodeableConcept", "status": "status", "category": "category"},
    ),
    "Encounter": SearchParameters("date", ("period",), {"status": "status", "class": "class"}),
    "Device": SearchParameters(None, (), {"type": "type", "status": "status"}),
    "Practitioner": SearchParameters(),
}
"""Types that can be searched. Others can be stored and read; `identifier` and `_id` work for every type."""


def patient_of(resource: Resource) -> str | None:
    """`Patient/id` that the resource is about; a Patient is about itself."""
    if resource["resourceType"] == "Patient":
        return f"Patient/{resource['id']}"
    about = resource.get("subject") or resource.get("patient")
    reference = about.get("reference") if isinstance(about, Mapping) else None
    return relative(reference) if isinstance(reference, str) else None


def relative(reference: str) -> str:
    """`Type/id` of a reference: absolute addresses and versions are cut off."""
    path = reference.split("/_history/")[0].rsplit("/", 2)
    return "/".join(path[-2:])


def date_range(resource: Resource) -> Range | None:
    """When it happened, for the date parameter of its type."""
    known = PARAMETERS.get(resource["resourceType"], SearchParameters())
    ranges = (range_of(resource.get(name)) for name in known.date_elements)
    return next((found for found in ranges if found), None)


def tokens(resource: Resource) -> set[Token]:
    """Every token of the resource, as the table above says for its type."""
    known = PARAMETERS.get(resource["resourceType"], SearchParameters())
    elements = {"identifier": "identifier", **known.tokens}
    return {
        Token(parameter, system, code)
        for parameter, element in elements.items()
        for system, code in _codes(resource.get(element))
    }


def _codes(value: Any) -> Iterator[tuple[str, str]]:
    """System and code of a code, boolean, Coding, CodeableConcept, Identifier, or a list of them."""
    if isinstance(value, list):
        for each in value:
            yield from _codes(each)
    elif isinstance(value, dict):
        code = value.get("code") or value.get("value")
        if isinstance(code, str):
            yield str(value.get("system") or ""), code
        yield from _codes(value.get("coding"))
    elif isinstance(value, bool):
        yield "", str(value).lower()
    elif isinstance(value, str):
        yield "", value
