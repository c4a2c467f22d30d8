"""The simulated patients: the same for the same time, sound as FHIR, and true to their stories."""

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fhir.resources.R4B import get_fhir_model_class
from sandbox_ehr import NOW_MS, simulated

from cds_service.sandbox.fhir_words import Subject
from cds_service.sandbox.glucose_records import Slots
from cds_service.sandbox.indexing import date_range, patient_of
from cds_service.sandbox.patients import simulated_patients
from cds_service.sandbox.personas import PERSONAS
from models.units import to_mgdl

DAY_MS = 86_400_000
FULL_WEAR = 14 * 288


def code_of(resource: dict[str, Any]) -> str:
    coding = resource.get("code", {}).get("coding", [{}])
    return str(coding[0].get("code", ""))


def of(persona_id: str, code: str) -> list[dict[str, Any]]:
    return [r for r in simulated() if patient_of(r) == f"Patient/{persona_id}" and code_of(r) == code]


def local_hours(resources: Sequence[dict[str, Any]]) -> np.ndarray:
    times = [datetime.fromisoformat(resource["effectiveDateTime"]) for resource in resources]
    return np.array([at.hour + at.minute / 60 for at in times])


def values(resources: Sequence[dict[str, Any]]) -> np.ndarray:
    quantities = [resource["valueQuantity"] for resource in resources]
    return np.array([to_mgdl(q["value"], q["unit"]) if "L" in q["unit"] else q["value"] for q in quantities])


def test_the_same_time_and_seed_give_the_same_resources() -> None:
    assert tuple(simulated_patients(NOW_MS)) == simulated()


def test_one_resource_of_each_kind_is_valid_r4b() -> None:
    kinds: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    for resource in simulated():
        kinds.setdefault((resource["resourceType"], code_of(resource), patient_of(resource)), resource)
    for (resource_type, _, _), resource in kinds.items():
        get_fhir_model_class(resource_type).model_validate(resource)
    assert len(kinds) > 80


def test_ids_are_fhir_ids_and_stand_once_for_each_type() -> None:
    names = [(resource["resourceType"], resource["id"]) for resource in simulated()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9.-]{1,64}", identity) for _, identity in names)


def test_everybody_is_marked_as_test_data_named_as_fiction_and_lives_nowhere() -> None:
    patients = [resource for resource in simulated() if resource["resourceType"] == "Patient"]
    assert [patient["id"] for patient in patients] == [persona.id for persona in PERSONAS]
    for patient in patients:
        assert patient["meta"]["tag"][0]["code"] == "HTEST"
        assert patient["name"][0]["family"].startswith("Demo-")
        assert not {"address", "telecom", "identifier", "photo"} & set(patient)


def test_nothing_lies_in_the_future_and_sensors_reach_back_two_weeks() -> None:
    ends: dict[str | None, list[int]] = defaultdict(list)
    for resource in simulated():
        span = date_range(resource)
        if span is None:
            continue
        is_day = "T" not in resource.get("effectiveDateTime", "T")
        assert is_day or span[0] <= NOW_MS
        if code_of(resource) in ("99504-3", "105272-9"):
            ends[patient_of(resource)].append(span[0])
    for patient, at_ms in ends.items():
        silent_ms = 9 * DAY_MS if patient == "Patient/sim-stale" else 0
        assert 0 <= NOW_MS - silent_ms - max(at_ms) < DAY_MS / 4
        assert NOW_MS - silent_ms - 14 * DAY_MS < min(at_ms)


@pytest.mark.parametrize("persona", [p for p in PERSONAS if p.glucose and not p.sensor.fingersticks])
def test_a_sensor_is_worn_for_its_share_and_has_gaps(persona: Any) -> None:
    readings = of(persona.id, "105272-9" if persona.sensor.molar else "99504-3")
    share = len(readings) / FULL_WEAR
    if persona.sensor.worn_share < 1:
        assert persona.sensor.worn_share - 0.2 < share < 0.6
    else:
        assert 0.9 < share < 1.0


def test_times_carry_the_offset_of_the_patients_zone() -> None:
    zones = {f"Patient/{persona.id}": ZoneInfo(persona.zone) for persona in PERSONAS}
    for resource in simulated():
        text = resource.get("effectiveDateTime", "")
        if "T" in text:
            at = datetime.fromisoformat(text)
            assert at.utcoffset() == at.astimezone(zones[str(patient_of(resource))]).utcoffset()


@pytest.mark.parametrize("zone", ["Europe/Helsinki", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("month", [3, 10, 11])
def test_slots_stay_five_minutes_apart_when_clocks_change(zone: str, month: int) -> None:
    until = datetime(2026, month, 30, 12, tzinfo=ZoneInfo(zone))
    until_ms = int(until.timestamp() * 1000)
    slots = Slots.ending(Subject("x", ZoneInfo(zone)), until_ms, 15).since(until_ms - 14 * DAY_MS)
    at_ms = [at for at, _ in slots.within(np.zeros(15 * 288))]
    assert set(np.diff(at_ms)) == {300_000}
    assert len(at_ms) >= FULL_WEAR - 12 and at_ms[-1] <= until_ms


def test_the_pump_records_two_weeks_of_insulin_and_the_carbs_it_was_told() -> None:
    given = [r for r in simulated() if r["resourceType"] == "MedicationAdministration"]
    mine = [r for r in given if patient_of(r) == "Patient/sim-pump"]
    boluses = [r for r in mine if "rateQuantity" not in r["dosage"]]
    basal = [r for r in mine if "rateQuantity" in r["dosage"]]
    assert len(boluses) > 28 and len(of("sim-pump", "9059-7")) > 28
    hours = 0.0
    for stretch in basal:
        start, end = (datetime.fromisoformat(stretch["effectivePeriod"][name]) for name in ("start", "end"))
        lasted = (end - start).total_seconds() / 3600
        rate, dose = stretch["dosage"]["rateQuantity"]["value"], stretch["dosage"]["dose"]["value"]
        assert dose == pytest.approx(rate * lasted, abs=0.01)
        hours += lasted
    assert hours == pytest.approx(14 * 24, abs=0.5)


def test_the_nights_of_the_night_lows_are_lower_than_the_days() -> None:
    readings = of("sim-night-lows", "99504-3")
    low, night = values(readings) < 70, local_hours(readings) < 6
    assert low[night].mean() > 0.08 > 0.04 > low[~night].mean()


def test_both_patients_to_titrate_wake_above_130() -> None:
    for persona_id, code in (("sim-glargine", "99504-3"), ("sim-fingersticks", "41653-7")):
        readings = of(persona_id, code)
        at_waking = (local_hours(readings) >= 5) & (local_hours(readings) < 8)
        assert values(readings)[at_waking].mean() > 135
        assert (values(readings) < 70).sum() == 0


def test_the_frail_patient_has_lows_before_dawn() -> None:
    readings = of("sim-frail", "99504-3")
    assert (values(readings)[local_hours(readings) < 6] < 70).mean() > 0.1


def test_the_molar_sensor_reports_one_decimal_of_mmol_per_litre() -> None:
    for reading in of("sim-molar", "105272-9"):
        quantity = reading["valueQuantity"]
        assert quantity["code"] == "mmol/L" and round(quantity["value"], 1) == quantity["value"] < 23


def test_beyond_the_sensors_range_a_reading_says_only_lower_or_higher() -> None:
    for resource in simulated():
        quantity = resource.get("valueQuantity", {})
        if code_of(resource) == "99504-3":
            assert 40 <= quantity["value"] <= 400
            if "comparator" in quantity:
                assert (quantity["comparator"], quantity["value"]) in {("<", 40), (">", 400)}


def test_the_watch_shows_a_change_three_days_ago_and_no_glucose() -> None:
    resting = values(of("sim-watch", "40443-4"))
    assert len(resting) == 60
    assert resting[-3:].mean() > resting[:-3].mean() + 5
    assert not of("sim-watch", "99504-3") and not of("sim-watch", "46635009")
