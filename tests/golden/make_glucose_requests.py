"""Writes the requests of tests/golden/glucose-review: small, made by rule, the same every time.

Glucose comes as one SampledData Observation a day, so that two weeks stay readable in a diff.
Run `python tests/golden/make_glucose_requests.py` after a change here, then look at what changed.
"""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("glucose-review")
AS_OF = datetime(2026, 5, 15, 12, 0, tzinfo=UTC)
ZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"

Day = Callable[[int, float], float]


def wave(day: int, hour: float) -> float:
    """A day around 130 mg/dL with three meals, no two days quite alike."""
    meals = sum(45 * math.exp(-((hour - at) ** 2) / 1.5) for at in (8, 13, 19))
    return 118 + 3 * (day % 5) + meals + 4 * math.sin(day + hour)


def night_lows(day: int, hour: float) -> float:
    """Lows between 02:00 and 04:30 on two nights of three."""
    return 58 - 6 * (day % 2) if day % 3 and 2 <= hour < 4.5 else wave(day, hour)


def evening_highs(day: int, hour: float) -> float:
    """Above 180 from supper to midnight."""
    return wave(day, hour) + (95 if hour >= 18 else 20)


def lows_across_midnight(day: int, hour: float) -> float:
    """Low from 23:00 to 03:00 on two nights of three."""
    return 58 if day % 3 and (hour >= 23 or hour < 3) else wave(day, hour)


def very_high_now(day: int, hour: float) -> float:
    """In range, until a rise above 400 on the last morning."""
    return 420 if day == 13 and 4 <= hour <= 8 else wave(day, hour)


def ending_low(day: int, hour: float) -> float:
    """In range, until the last readings fall to 48."""
    return 48 if day == 13 and 7.5 <= hour <= 8 else wave(day, hour)


def falling_now(day: int, hour: float) -> float:
    """In range, until the last three quarters of an hour fall to 73."""
    return 73 + 72 * (8 - hour) if day == 13 and 7.25 <= hour <= 8 else wave(day, hour) - 12


def patient(zone: str | None = "America/New_York", born: str = "1980-02-11") -> dict[str, Any]:
    extension = [{"url": ZONE, "valueCode": zone}] if zone else []
    made = {"resourceType": "Patient", "id": "p1", "birthDate": born, "gender": "female"}
    return made | ({"extension": extension} if extension else {})


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources]}


def condition(code: str, name: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"c-{code}",
        "subject": {"reference": "Patient/p1"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": ICD, "code": code}], "text": name},
    }


def sensor_day(day: int, shape: Day, unit: str = "mg/dL") -> dict[str, Any]:
    """288 readings of one day; the last day ends at the moment of the question."""
    start = AS_OF - timedelta(days=14 - day) + timedelta(minutes=5)
    offset = -4  # New York in May
    values = []
    for slot in range(288):
        local = start + timedelta(minutes=5 * slot, hours=offset)
        mgdl = shape(day, local.hour + local.minute / 60)
        values.append(f"{mgdl:.0f}" if unit == "mg/dL" else f"{mgdl / 18.0156:.1f}")
    return {
        "resourceType": "Observation",
        "id": f"cgm-{day}",
        "status": "final",
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "99504-3" if unit == "mg/dL" else "105272-9"}]
        },
        "subject": {"reference": "Patient/p1"},
        "device": {"display": "sensor"},
        "effectivePeriod": {
            "start": start.isoformat(),
            "end": (start + timedelta(minutes=5 * 287)).isoformat(),
        },
        "valueSampledData": {
            "origin": {"value": 0, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
            "period": 300000,
            "lowerLimit": 40 if unit == "mg/dL" else 2.2,
            "upperLimit": 400 if unit == "mg/dL" else 22.2,
            "dimensions": 1,
            "data": " ".join(values),
        },
    }


def cgm(shape: Day, days: range = range(14), unit: str = "mg/dL") -> dict[str, Any]:
    return bundle(*(sensor_day(day, shape, unit) for day in days))


def meter(number: int, hours_ago: float, mgdl: float, unit: str | None = "mg/dL") -> dict[str, Any]:
    quantity: dict[str, Any] = {"value": mgdl}
    if unit:
        quantity |= {"unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    return {
        "resourceType": "Observation",
        "id": f"meter-{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "41653-7"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": (AS_OF - timedelta(hours=hours_ago)).isoformat(),
        "valueQuantity": quantity,
    }


def meter_weeks(unit: str | None = "mg/dL") -> dict[str, Any]:
    """Three readings a day for two weeks, two of them low."""
    values = [66 if n in (11, 29) else 105 + (n * 37) % 110 for n in range(42)]
    return bundle(*(meter(n, 2 + 8 * n, value, unit) for n, value in enumerate(values)))


def setting(code: str, days_ago: float, value: float, unit: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"{code}-{days_ago:g}",
        "status": "final",
        "code": {"coding": [{"system": "urn:wearable-cds:therapy-setting", "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": (AS_OF - timedelta(days=days_ago)).isoformat(),
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }


def settings(days_ago: float = 12, mmol: bool = False) -> dict[str, Any]:
    """The carb ratio and the sensitivity of somebody on some 45 units a day."""
    sensitivity = (2.2, "mmol/L/[iU]") if mmol else (40, "mg/dL/[iU]")
    return bundle(
        setting("carb-ratio", days_ago, 10, "g/[iU]"),
        setting("insulin-sensitivity", days_ago, *sensitivity),
    )


def given(hours_ago: float, units: float) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "id": f"bolus-{hours_ago:g}",
        "status": "completed",
        "medicationCodeableConcept": {"text": "insulin lispro 100 units/ml"},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": (AS_OF - timedelta(hours=hours_ago)).isoformat(),
        "dosage": {"dose": {"value": units, "system": "http://unitsofmeasure.org", "code": "[iU]"}},
    }


def counted(kind: tuple[str, str], hours_ago: float, value: float) -> dict[str, Any]:
    """Carbohydrate of a meal, or the steps of one hour."""
    code, unit = kind
    start = AS_OF - timedelta(hours=hours_ago)
    return {
        "resourceType": "Observation",
        "id": f"{code}-{hours_ago:g}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "effectivePeriod": {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
        if kind == WALKED
        else {"start": start.isoformat(), "end": start.isoformat()},
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }


EATEN, WALKED = ("9059-7", "g"), ("55423-8", "{steps}")


def beside_cgm() -> dict[str, Any]:
    """Two weeks of meals with their boluses, and of steps; the last bolus was large, the last walk long."""
    meals = [24 * day + at for day in range(14) for at in (0.75, 7, 12)]
    walks = [24 * day + at for day in range(14) for at in (1, 8)]
    return {
        "insulin": bundle(*(given(ago, 9 if ago < 1 else 5) for ago in meals)),
        "diary": bundle(*(counted(EATEN, ago, 10 if ago < 1 else 50) for ago in meals)),
        "steps": bundle(*(counted(WALKED, ago, 6000 if ago == 1 else 2000) for ago in walks)),
    }


def with_entries_that_cannot_be_counted() -> dict[str, Any]:
    """The same, with basal insulin of which the day alone is known, and one count below zero."""
    made = beside_cgm()
    basal = given(3, 22) | {
        "id": "basal",
        "medicationCodeableConcept": {"text": "insulin glargine 100 units/ml"},
        "effectiveDateTime": AS_OF.date().isoformat(),
    }
    made["insulin"]["entry"].append({"resource": basal})
    made["steps"]["entry"].append({"resource": counted(WALKED, 4, -5)})
    return made


FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
EVENING = "Asia/Tokyo"
"""Where it is 21:00 when the question is asked."""

NONE = bundle()
TYPE_1, TYPE_2 = condition("E10.9", "Type 1 diabetes"), condition("E11.9", "Type 2 diabetes")
PREGNANT = condition("Z33.1", "Pregnancy")
GESTATIONAL = condition("O24.410", "Gestational diabetes")


def prefetch(**changes: Any) -> dict[str, Any]:
    made = {"patient": patient(), "cgm": NONE, "fingersticks": NONE, "conditions": bundle(TYPE_1)}
    optional = dict.fromkeys(("settings", "insulin", "diary", "steps", "heart-rate"), NONE)
    return made | optional | changes


CASES: dict[str, dict[str, Any]] = {
    "targets-met": prefetch(cgm=cgm(wave), conditions=bundle(TYPE_2)),
    "night-lows": prefetch(cgm=cgm(night_lows)),
    "evening-highs": prefetch(cgm=cgm(evening_highs)),
    "low-now": prefetch(cgm=cgm(ending_low)),
    "older-adult": prefetch(cgm=cgm(evening_highs), patient=patient(born="1948-01-01")),
    "mmol-per-litre": prefetch(cgm=cgm(night_lows, unit="mmol/L")),
    "pregnancy-type-1": prefetch(cgm=cgm(wave), conditions=bundle(TYPE_1, PREGNANT)),
    "gestational-diabetes": prefetch(cgm=cgm(wave), conditions=bundle(GESTATIONAL)),
    "gestational-diabetes-meter": prefetch(fingersticks=meter_weeks(), conditions=bundle(GESTATIONAL)),
    "lows-across-midnight": prefetch(cgm=cgm(lows_across_midnight)),
    "very-high-now": prefetch(cgm=cgm(very_high_now)),
    "meter-low-while-cgm-in-range": prefetch(cgm=cgm(wave), fingersticks=bundle(meter(1, 0.1, 47))),
    "meter-very-high-while-cgm-in-range": prefetch(cgm=cgm(wave), fingersticks=bundle(meter(1, 0.3, 410))),
    "meter-only-very-high": prefetch(
        fingersticks=bundle(*(meter(n, 0.5 + 7 * n, 430 - 5 * n) for n in range(8))), conditions=NONE
    ),
    "child": prefetch(cgm=cgm(wave), patient=patient(born="2015-01-01")),
    "no-diabetes-on-record": prefetch(cgm=cgm(wave), conditions=NONE),
    "zone-unknown": prefetch(cgm=cgm(night_lows), patient=patient(zone=None)),
    "sparse": prefetch(cgm=cgm(wave, range(10, 14))),
    "sparse-with-lows": prefetch(cgm=cgm(night_lows, range(9, 14))),
    "stale": prefetch(cgm=cgm(wave, range(3))),
    "fingersticks-only": prefetch(fingersticks=meter_weeks()),
    "few-fingersticks": prefetch(fingersticks=bundle(meter(1, 5, 140), meter(2, 29, 152))),
    "unit-missing": prefetch(fingersticks=meter_weeks(unit=None)),
    "no-glucose": prefetch(),
    "falling": prefetch(cgm=cgm(falling_now), settings=settings()),
    "falling-mmol": prefetch(cgm=cgm(falling_now, unit="mmol/L"), settings=settings(mmol=True)),
    "falling-settings-unknown": prefetch(cgm=cgm(falling_now)),
    "falling-settings-old": prefetch(cgm=cgm(falling_now), settings=settings(days_ago=91)),
    "conditions-failed": prefetch(
        cgm=cgm(wave),
        conditions=FAILED,
    ),
    "insulin-food-and-steps": prefetch(cgm=cgm(wave), patient=patient(EVENING), **beside_cgm()),
    "insulin-unreadable": prefetch(
        cgm=cgm(wave), patient=patient(EVENING), **beside_cgm() | {"insulin": FAILED}
    ),
    "falling-with-insulin": prefetch(cgm=cgm(falling_now), settings=settings(), **beside_cgm()),
    "falling-just-eaten": prefetch(
        cgm=cgm(falling_now), settings=settings(), diary=bundle(counted(EATEN, 0.1, 20))
    ),
    "basal-by-date-steps-unreadable": prefetch(
        cgm=cgm(wave), patient=patient(EVENING), **with_entries_that_cannot_be_counted()
    ),
}


def request(entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ab82-33b2ec2a2b1c",
        "context": {"userId": "Practitioner/dr-1", "patientId": "p1"},
        "prefetch": entries,
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, entries in CASES.items():
        text = json.dumps(request(entries), indent=1) + "\n"
        (FOLDER / f"{name}.request.json").write_text(text, encoding="utf-8")
