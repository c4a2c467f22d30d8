"""Builds hook requests for the setting adjustment out of simulated lives, as an EHR would send them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from models.simulation.controller import reference_therapy
from models.simulation.run import simulate_world
from models.simulation.virtual_patients import patients_named
from models.simulation.worlds import World

AS_OF = datetime(2026, 5, 15, 8, 0, tzinfo=UTC)
AS_OF_MS = int(AS_OF.timestamp() * 1000)
MIDNIGHT = datetime(2026, 4, 30, 22, 0, tzinfo=UTC)
"""The first of May in Berlin; the request is made at ten in the morning of the fifteenth."""

DAYS, SLOTS_PER_DAY = 15, 288
UNTIL = int((AS_OF - MIDNIGHT) / timedelta(minutes=5))
PATIENT = {"reference": "Patient/p1"}
UCUM, LOINC = "http://unitsofmeasure.org", "http://loinc.org"
ASPART = {"text": "insulin aspart 100 units/mL"}
GLARGINE = {"text": "insulin glargine 100 units/mL"}


PLAIN = World("tests", carb_error_cv=0.2, insulin_action_cv=0.05, rescue_carbs_g=10.0)


@dataclass(frozen=True)
class Life:
    """Two weeks of somebody: which virtual patient, how the settings are off, and what the world is like."""

    virtual_patient: str = "adult#004"
    basal: float = 1.0
    night_basal: float = 1.0
    carb_ratio: float = 1.0
    sensitivity: float = 1.0
    world: World = PLAIN
    seed: int = 5
    injected: bool = False


@dataclass(frozen=True)
class Lived:
    """What was recorded, five-minute slots until the moment of the request."""

    cgm_mgdl: np.ndarray
    basal_u: np.ndarray
    bolus_u: np.ndarray
    carbs_g: np.ndarray


def live(life: Life) -> Lived:
    """What was recorded; how basal insulin is given makes no difference to that."""
    return _live(replace(life, injected=False))


@cache
def _live(life: Life) -> Lived:
    patients = patients_named(life.virtual_patient)
    factor = np.full((1, 24), life.basal)
    factor[0, :6] *= life.night_basal
    therapy = reference_therapy(patients).scaled(factor, life.carb_ratio, life.sensitivity)
    therapy = replace(therapy, basal_u_per_h=np.round(therapy.basal_u_per_h / 0.025) * 0.025)
    trace = simulate_world(patients, therapy, life.world, DAYS, np.random.default_rng(life.seed))
    return Lived(
        trace.cgm_mgdl[0, :UNTIL],
        trace.basal_u[0, :UNTIL],
        np.round(trace.bolus_u[0, :UNTIL] / 0.05) * 0.05,
        np.round(trace.announced_g[0, :UNTIL]),
    )


def request(life: Life = Life(), **changes: Any) -> dict[str, Any]:
    """The whole request; `changes` replace prefetch entries by key, as lists of resources (None: none)."""
    lived = live(life)
    basal = injections(lived) if life.injected else pump(lived)
    entries: dict[str, Any] = {
        "cgm": [sensor_day(lived, day) for day in range(1, DAYS)],
        "fingersticks": [],
        "diary": entries_of("9059-7", lived.carbs_g, "g"),
        "insulin": [*boluses(lived), *basal],
        "conditions": [condition("E10.9", "Type 1 diabetes")],
        "encounter": [],
        "medications": [],
        "past-medications": [],
        "weight": [observation("weight", "29463-7", AS_OF - timedelta(days=9), 70.0, "kg")],
        "renal": [observation("egfr", "98979-8", AS_OF - timedelta(days=30), 95, "mL/min/{1.73_m2}")],
    } | changes
    prefetch = {key: bundle(resources) for key, resources in entries.items() if resources is not None}
    return {
        "hook": "patient-view",
        "hookInstance": "6f1c7f5e-7b0f-4a8e-8a54-0a6e0f3f9a10",
        "context": {"userId": "Practitioner/d1", "patientId": "p1"},
        "prefetch": {"patient": patient(), **prefetch},
    }


def bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    made = {"resourceType": "Bundle", "type": "searchset", "total": len(resources)}
    return made | ({"entry": [{"resource": r} for r in resources]} if resources else {})


def patient(born: str = "1988-03-04", zone: str | None = "Europe/Berlin") -> dict[str, Any]:
    where = [{"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": zone}] if zone else []
    made = {"resourceType": "Patient", "id": "p1", "birthDate": born, "gender": "female"}
    return made | ({"extension": where} if where else {})


def condition(code: str, name: str, since: str = "2005-06-01") -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"c-{code}",
        "subject": PATIENT,
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "onsetDateTime": since,
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}], "text": name},
    }


def observation(name: str, code: str, at: datetime, value: float, unit: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": PATIENT,
        "effectiveDateTime": _text(at),
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    }


def entries_of(code: str, column: np.ndarray, unit: str) -> list[dict[str, Any]]:
    """One Observation for each slot of the last 14 days that has a value."""
    return [
        observation(f"{code}-{slot}", code, _at(slot), round(float(column[slot]), 2), unit)
        for slot in np.flatnonzero(column)
        if slot >= UNTIL - 14 * SLOTS_PER_DAY
    ]


def sensor_day(lived: Lived, day: int) -> dict[str, Any]:
    """The readings of one day as SampledData; what is missing is an error."""
    values = lived.cgm_mgdl[day * SLOTS_PER_DAY : (day + 1) * SLOTS_PER_DAY]
    shown = ["E" if np.isnan(v) else f"{min(max(v, 40), 400):.0f}" for v in values]
    start = _at(day * SLOTS_PER_DAY)
    return {
        "resourceType": "Observation",
        "id": f"cgm-{day}",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "99504-3"}]},
        "subject": PATIENT,
        "device": {"display": "sensor"},
        "effectivePeriod": {
            "start": _text(start),
            "end": _text(start + timedelta(minutes=5 * (len(shown) - 1))),
        },
        "valueSampledData": {
            "origin": {"value": 0, "unit": "mg/dL", "system": UCUM, "code": "mg/dL"},
            "period": 300000,
            "dimensions": 1,
            "data": " ".join(shown),
        },
    }


def boluses(lived: Lived) -> list[dict[str, Any]]:
    return [
        administration(f"bolus-{slot}", ASPART, round(float(lived.bolus_u[slot]), 2))
        | {"effectiveDateTime": _text(_at(slot))}
        for slot in np.flatnonzero(lived.bolus_u)
        if slot >= UNTIL - 14 * SLOTS_PER_DAY
    ]


def pump(lived: Lived) -> list[dict[str, Any]]:
    """A pump's basal: one stretch for each run of one rate within a day."""
    edges = np.flatnonzero(np.diff(lived.basal_u)) + 1
    edges = np.unique([*range(0, UNTIL, SLOTS_PER_DAY), *edges.tolist(), UNTIL])
    return [_stretch(lived, int(a), int(b)) for a, b in pairwise(edges) if b > SLOTS_PER_DAY]


def _stretch(lived: Lived, first: int, end: int) -> dict[str, Any]:
    units = round(float(lived.basal_u[first:end].sum()), 3)
    made = administration(f"basal-{first}", ASPART, units)
    made["dosage"]["rateQuantity"] = {
        "value": round(float(lived.basal_u[first]) * 12, 3), "unit": "U/h", "system": UCUM, "code": "[iU]/h",
    }  # fmt: skip
    return made | {"effectivePeriod": {"start": _text(_at(first)), "end": _text(_at(end))}}


def injections(lived: Lived) -> list[dict[str, Any]]:
    """Long-acting insulin at ten in the evening, as much as the pump gave in a day."""
    return [
        administration(f"glargine-{day}", GLARGINE, round(float(lived.basal_u[:SLOTS_PER_DAY].sum()), 1))
        | {"effectiveDateTime": _text(_at(day * SLOTS_PER_DAY + 22 * 12))}
        for day in range(DAYS - 1)
    ]


def administration(name: str, medication: dict[str, Any], units: float) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "id": name,
        "status": "completed",
        "medicationCodeableConcept": medication,
        "subject": PATIENT,
        "dosage": {"dose": {"value": units, "unit": "units", "system": UCUM, "code": "[iU]"}},
    }


def _at(slot: int) -> datetime:
    return MIDNIGHT + timedelta(minutes=5 * int(slot))


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


MISSING = World("missing boluses", carb_error_cv=0.2, missed_bolus_share=0.3, late_bolus_share=0.2)
LOWS, HIGHS = Life("adult#002", basal=1.3), Life("adult#010", carb_ratio=1.35)
UNEXPLAINED = Life("adult#007", night_basal=1.7)


def automated() -> dict[str, Any]:
    """A pump that gives another basal every hour, as a closed loop does."""
    lived = live(HIGHS)
    hourly = np.random.default_rng(1).uniform(0.3, 1.7, DAYS * 24)
    basal = lived.basal_u * np.repeat(hourly, 12)[:UNTIL]
    return request(HIGHS, insulin=[*boluses(lived), *pump(replace(lived, basal_u=basal))])


PREGNANT = condition("Z33.1", "Pregnancy")
TYPE_1 = condition("E10.9", "Type 1 diabetes")
CASES = {
    "lows": request(LOWS),
    "highs": request(HIGHS),
    "missed-boluses": request(Life("adult#010", world=MISSING)),
    "injections": request(replace(LOWS, injected=True)),
    "poor-fit": request(UNEXPLAINED),
    "automated-delivery": automated(),
    "no-carbohydrate-entries": request(HIGHS, diary=[]),
    "pregnancy": request(HIGHS, conditions=[TYPE_1, PREGNANT]),
    "six-days": request(HIGHS, cgm=[sensor_day(live(HIGHS), day) for day in range(9, DAYS)]),
    "type-2": request(
        HIGHS, conditions=[condition("E11.9", "Type 2 diabetes")], insulin=[], diary=[], cgm=[]
    ),
}
