"""FHIR R4 resources of the simulated patients as plain dictionaries.

Built by hand because a patient has thousands of them; a test validates samples of each kind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from fhir_mappers.insulin_products import RXNORM
from fhir_mappers.patient import ZONE_EXTENSION

Resource = dict[str, Any]

LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM: Final = "http://unitsofmeasure.org"
_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"
_SIMULATED: Final = {"system": f"{_TERMINOLOGY}/v3-ActReason", "code": "HTEST", "display": "test health data"}
CGM_PROFILE: Final = "http://hl7.org/fhir/uv/cgm/StructureDefinition/cgm-sensor-reading-mass-per-volume"
CGM_MOLAR_PROFILE: Final = (
    "http://hl7.org/fhir/uv/cgm/StructureDefinition/cgm-sensor-reading-moles-per-volume"
)


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured: LOINC code, name, unit as printed and as UCUM, Observation category."""

    code: str
    display: str
    unit: str
    ucum: str
    category: str = "vital-signs"
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a resource is about, and the zone whose offset their times carry."""

    id: str
    zone: ZoneInfo

    @property
    def reference(self) -> dict[str, str]:
        """As FHIR writes it."""
        return {"reference": f"Patient/{self.id}"}

    def text(self, at_ms: int) -> str:
        """An instant as a local dateTime with its offset, to the second."""
        return datetime.fromtimestamp(at_ms // 1000, self.zone).isoformat()


@cache
def category(code: str) -> Sequence[Mapping[str, Any]]:
    """The Observation category of this code."""
    return [{"coding": [{"system": f"{_TERMINOLOGY}/observation-category", "code": code}]}]


def quantity(value: float, unit: str, ucum: str) -> Resource:
    """A UCUM quantity."""
    return {"value": value, "unit": unit, "system": UCUM, "code": ucum}


def observation(subject: Subject, measure: Measure, at_ms: int, value: Resource) -> Resource:
    """An Observation whose value is given as its `value[x]` member, e.g. {"valueQuantity": {...}}."""
    return {
        "resourceType": "Observation",
        "id": f"{subject.id}-{measure.code}-{at_ms // 1000}",
        **({"meta": {"profile": [measure.profile]}} if measure.profile else {}),
        "status": "final",
        "category": category(measure.category),
        "code": {"coding": [{"system": LOINC, "code": measure.code, "display": measure.display}]},
        "subject": subject.reference,
        "effectiveDateTime": subject.text(at_ms),
        **value,
    }


def measured(subject: Subject, measure: Measure, at_ms: int, value: float) -> Resource:
    """An Observation of a quantity."""
    return observation(
        subject, measure, at_ms, {"valueQuantity": quantity(value, measure.unit, measure.ucum)}
    )


def blood_pressure(subject: Subject, at_ms: int, systolic: int, diastolic: int) -> Resource:
    """A blood pressure panel with its two components."""
    parts = (
        ("8480-6", "Systolic blood pressure", systolic),
        ("8462-4", "Diastolic blood pressure", diastolic),
    )
    panel = Measure("85354-9", "Blood pressure panel", "mmHg", "mm[Hg]")
    components = [
        {
            "code": {"coding": [{"system": LOINC, "code": code, "display": display}]},
            "valueQuantity": quantity(value, "mmHg", "mm[Hg]"),
        }
        for code, display, value in parts
    ]
    return observation(subject, panel, at_ms, {"component": components})


def patient(subject: Subject, name: tuple[str, str], gender: str, birth_date: str) -> Resource:
    """A Patient marked as test data, without address; given and family name."""
    return {
        "resourceType": "Patient",
        "id": subject.id,
        "meta": {"tag": [_SIMULATED]},
        "extension": [{"url": ZONE_EXTENSION, "valueCode": str(subject.zone)}],
        "active": True,
        "name": [{"use": "official", "given": [name[0]], "family": name[1]}],
        "gender": gender,
        "birthDate": birth_date,
    }


def condition(subject: Subject, codes: Sequence[tuple[str, str]], text: str, since: str) -> Resource:
    """An active, confirmed problem; `codes` are pairs of system and code, `since` a date."""
    return {
        "resourceType": "Condition",
        "id": f"{subject.id}-{codes[0][1]}",
        "clinicalStatus": _status("condition-clinical", "active"),
        "verificationStatus": _status("condition-ver-status", "confirmed"),
        "category": [_status("condition-category", "problem-list-item")],
        "code": {"coding": [{"system": system, "code": code} for system, code in codes], "text": text},
        "subject": subject.reference,
        "onsetDateTime": since,
        "recordedDate": since,
    }


def allergy(subject: Subject, code: str, text: str, since: str) -> Resource:
    """An active, confirmed AllergyIntolerance, or the statement that none is known; a SNOMED CT code."""
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"{subject.id}-{code}",
        "clinicalStatus": _status("allergyintolerance-clinical", "active"),
        "verificationStatus": _status("allergyintolerance-verification", "confirmed"),
        "code": {"coding": [{"system": SNOMED, "code": code, "display": text}], "text": text},
        "patient": subject.reference,
        "recordedDate": since,
    }


def _status(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}


def drug(rxcui: str, name: str) -> Resource:
    """A medication by its RxNorm code."""
    return {"coding": [{"system": RXNORM, "code": rxcui, "display": name}], "text": name}


def order(subject: Subject, identity: str, medication: Resource, dosage: Resource) -> Resource:
    """An active MedicationRequest, still without its date."""
    return {
        "resourceType": "MedicationRequest",
        "id": identity,
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": medication,
        "subject": subject.reference,
        "dosageInstruction": [dosage],
    }


def daily_dose(units: float, when: str, text: str) -> Resource:
    """Dosage of a fixed number of insulin units once a day; `when` is an EventTiming code such as HS."""
    return {
        "text": text,
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "when": [when]}},
        "doseAndRate": [{"doseQuantity": quantity(units, "units", "[iU]")}],
    }


def day_of(at_ms: int) -> str:
    """The UTC date of an instant, as FHIR writes it."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
