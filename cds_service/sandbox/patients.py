"""The simulated patients as FHIR resources, relative to the time that is given.

Top of the generator: `personas` says who, `pump_life`, `glucose_shapes` and `watch_life` what happened to
them, `fhir_words` how it is written. The same time and seed give the same resources, to the last digit.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from cds_service.sandbox import fhir_words as fhir
from cds_service.sandbox.fhir_words import Measure, Resource, Subject
from cds_service.sandbox.formulary import insulin
from cds_service.sandbox.glucose_records import (
    Slots,
    basal_administrations,
    bolus_administrations,
    carb_entries,
    fingerstick_readings,
    sensor_readings,
    worn,
)
from cds_service.sandbox.glucose_shapes import GlucoseShape, draw_glucose_mgdl
from cds_service.sandbox.personas import PERSONAS, Labs, Persona, PumpTherapy
from cds_service.sandbox.pump_life import PumpDays, live
from cds_service.sandbox.watch_life import watch_observations

SEED: Final = 2026
DAYS: Final = 14
DAY_MS: Final = 86_400_000
YEAR_MS: Final = 31_557_600_000

PRACTITIONER_ID: Final = "sim-clinician"
_WEIGHT: Final = Measure("29463-7", "Body weight", "kg", "kg")
_HEIGHT: Final = Measure("8302-2", "Body height", "cm", "cm")
_HBA1C: Final = Measure("4548-4", "Hemoglobin A1c", "%", "%", "laboratory")
_EGFR: Final = Measure(
    "98979-8", "eGFR creatinine (CKD-EPI 2021)", "mL/min/1.73m2", "mL/min/{1.73_m2}", "laboratory"
)
_PUMP_INSULIN: Final = "242120"


def simulated_patients(now_ms: int, seed: int = SEED) -> Iterator[Resource]:
    """All resources of all personas, and the clinician who looks at them."""
    yield {
        "resourceType": "Practitioner",
        "id": PRACTITIONER_ID,
        "active": True,
        "name": [{"given": ["Dana"], "family": "Demo-Clinician"}],
    }
    pumps = {each.id: each.glucose for each in PERSONAS if isinstance(each.glucose, PumpTherapy)}
    lived = live(pumps, DAYS + 1, seed)
    for number, persona in enumerate(PERSONAS):
        yield from _record(persona, now_ms, seed + number, lived)


def _record(persona: Persona, now_ms: int, seed: int, lived: Mapping[str, PumpDays]) -> Iterator[Resource]:
    subject = Subject(persona.id, ZoneInfo(persona.zone))
    yield from _history(persona, subject, now_ms)
    yield from _orders(persona, subject, now_ms)
    rng = np.random.default_rng(seed)
    if persona.id in lived:
        yield from _pump_records(persona, subject, lived[persona.id], now_ms, rng)
    elif isinstance(persona.glucose, GlucoseShape):
        yield from _glucose_records(persona, subject, persona.glucose, now_ms, rng)
    if persona.watch:
        yield from watch_observations(subject, now_ms, seed)


def _history(persona: Persona, subject: Subject, now_ms: int) -> Iterator[Resource]:
    birth = datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(days=365.25 * persona.age_years + 120)
    yield fhir.patient(subject, (persona.given, persona.family), persona.gender, f"{birth:%Y-%m-%d}")
    for problem in persona.problems:
        since = fhir.day_of(now_ms - problem.years * YEAR_MS)
        yield fhir.condition(subject, problem.codes, problem.text, since)
    for code, text in persona.allergies:
        yield fhir.allergy(subject, code, text, fhir.day_of(now_ms - YEAR_MS))
    yield fhir.measured(subject, _HEIGHT, now_ms - 300 * DAY_MS, persona.height_cm)
    for days, more_kg in ((200, 1.4), (90, 0.6), (12, 0.0)):
        yield fhir.measured(subject, _WEIGHT, now_ms - days * DAY_MS, round(persona.weight_kg + more_kg, 1))
    for days, systolic in ((90, 134), (12, 128)):
        yield fhir.blood_pressure(subject, now_ms - days * DAY_MS, systolic, 78)
    if persona.labs:
        yield from _lab_results(persona.labs, subject, now_ms)


def _lab_results(labs: Labs, subject: Subject, now_ms: int) -> Iterator[Resource]:
    for days, more_percent in ((labs.days_old + 120, 0.3), (labs.days_old, 0.0)):
        at_ms = now_ms - days * DAY_MS
        yield fhir.measured(subject, _HBA1C, at_ms, round(labs.hba1c_percent + more_percent, 1))
        yield fhir.measured(subject, _EGFR, at_ms, labs.egfr)


def _orders(persona: Persona, subject: Subject, now_ms: int) -> Iterator[Resource]:
    authored = subject.text(now_ms - 75 * DAY_MS)
    dated = {"authoredOn": authored, "requester": {"reference": f"Practitioner/{PRACTITIONER_ID}"}}
    if persona.basal:
        text = f"{persona.basal.units:g} units once daily at bedtime"
        dosage = fhir.daily_dose(persona.basal.units, persona.basal.when, text)
        yield fhir.order(subject, f"{persona.id}-basal", insulin(persona.basal.rxcui), dosage) | dated
    if isinstance(persona.glucose, PumpTherapy):
        dosage = {"text": "By insulin pump: basal rates, and boluses by the pump's calculator"}
        yield fhir.order(subject, f"{persona.id}-pump", insulin(_PUMP_INSULIN), dosage) | dated
    for rxcui, name in persona.tablets:
        dosage = {"text": "2 tablets twice daily with meals"}
        yield fhir.order(subject, f"{persona.id}-{rxcui}", fhir.drug(rxcui, name), dosage) | dated


def _pump_records(
    persona: Persona, subject: Subject, days: PumpDays, now_ms: int, rng: np.random.Generator
) -> Iterator[Resource]:
    recent = Slots.ending(subject, now_ms, DAYS + 1).since(now_ms - DAYS * DAY_MS)
    medication = insulin(_PUMP_INSULIN)
    seen = worn(days.cgm_mgdl, persona.sensor.worn_share, rng)
    yield from sensor_readings(subject, recent, seen, molar=persona.sensor.molar)
    yield from bolus_administrations(subject, recent, days.bolus_u, medication)
    yield from carb_entries(subject, recent, days.carbs_g)
    yield from basal_administrations(subject, recent, days.basal_u_per_h, medication)


def _glucose_records(
    persona: Persona, subject: Subject, shape: GlucoseShape, now_ms: int, rng: np.random.Generator
) -> Iterator[Resource]:
    until_ms = now_ms - persona.sensor.silent_days * DAY_MS
    recent = Slots.ending(subject, until_ms, DAYS + 1).since(until_ms - DAYS * DAY_MS)
    glucose_mgdl = draw_glucose_mgdl(shape, DAYS + 1, rng)
    if persona.sensor.fingersticks:
        yield from fingerstick_readings(subject, recent, glucose_mgdl)
    else:
        seen = worn(glucose_mgdl, persona.sensor.worn_share, rng)
        yield from sensor_readings(subject, recent, seen, molar=persona.sensor.molar)
