"""What a device says of its own readings in other Observations counts: status bits, and a clock at fault."""

import json
from typing import Any

import pytest

from fhir_mappers.to_patient_record import to_patient_record
from models.features.fasting import FastingInputs, fasting_values
from models.patient_record import PatientRecord

AS_OF_MS = 1_780_000_000_000
MDC = "urn:iso:std:iso:11073:10101"
SESSION = "http://hl7.org/fhir/uv/phd/StructureDefinition/CoincidentTimeStampReference"


def reading(name: str, **more: Any) -> dict[str, Any]:
    """An oxygen saturation of the patient."""
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "59408-5"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": f"2026-05-20T0{len(name) % 10}:00:00+02:00",
        "valueQuantity": {"value": 88, "system": "http://unitsofmeasure.org", "code": "%"},
    } | more


def status(name: str, *bits: str, code: str = "150604", **more: Any) -> dict[str, Any]:
    """A status report of the oximeter with some bits set."""
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": MDC, "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-05-20T04:00:00+02:00",
        "component": [
            {"code": {"coding": [{"code": f"{code}.{bit}"}]}, "valueBoolean": True} for bit in bits
        ],
    } | more


def clock_fault(name: str) -> dict[str, Any]:
    """A device that says its clock is at fault."""
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": MDC, "code": "67975"}]},
        "subject": {"reference": "Device/d1"},
        "effectiveDateTime": "2026-05-20T04:00:00+02:00",
        "dataAbsentReason": {"coding": [{"code": "unknown"}]},
    }


def link(*names: str) -> list[dict[str, str]]:
    """References to Observations."""
    return [{"reference": f"Observation/{name}"} for name in names]


def record_of(*resources: dict[str, Any]) -> PatientRecord:
    """The record of these resources."""
    return to_patient_record("p1", {"observations": [json.dumps(resources).encode()]}, as_of_ms=AS_OF_MS)


def flags_of(record: PatientRecord, signal: str = "spo2") -> list[frozenset[str]]:
    """The flags of each point that do not come from its time."""
    series = record.series[signal]
    return [series.flag_sets[i] - {"local_time_unknown"} for i in series.flags]


@pytest.mark.parametrize("direction", ["report names reading", "reading names report"])
def test_a_reading_without_a_usable_signal_is_dropped_with_the_bit_as_its_reason(direction: str) -> None:
    names_reading = direction == "report names reading"
    report = status("s1", "12") | ({"derivedFrom": link("r1")} if names_reading else {})
    read = reading("r1", **({} if names_reading else {"derivedFrom": link("s1")}))
    record = record_of(read, report, reading("other"))
    assert record.rejected["device_status:signal-inadequate"].references == ("Observation/r1",)
    assert len(record.series["spo2"]) == 1


def test_a_doubtful_signal_stays_and_is_flagged() -> None:
    record = record_of(reading("r1"), reading("other"), status("s1", "10", derivedFrom=link("r1")))
    assert sorted(flags_of(record), key=len) == [
        frozenset(),
        frozenset({"device_status:signal-low-perfusion"}),
    ]


def test_the_cuff_that_moved_or_sat_loose_gives_no_blood_pressure() -> None:
    pressure = reading("r1", component=[])
    del pressure["valueQuantity"]
    pressure["code"] = {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]}
    pressure["component"] = [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": value, "code": "mm[Hg]"},
        }
        for code, value in (("8480-6", 171), ("8462-4", 99))
    ]
    record = record_of(pressure, status("s1", "1", code="8410608", derivedFrom=link("r1")))
    assert "sbp" not in record.series
    assert record.rejected["device_status:cuff-too-loose"].count == 1


def test_bits_that_are_not_set_and_reports_that_are_retracted_or_of_others_say_nothing() -> None:
    unset = status("s1", "12", derivedFrom=link("r1"))
    unset["component"][0]["valueBoolean"] = False
    retracted = status("s2", "12", derivedFrom=link("r1"), status="entered-in-error")
    stranger = status("s3", "12", derivedFrom=link("r1"), subject={"reference": "Patient/p2"})
    assert flags_of(record_of(reading("r1"), unset, retracted, stranger)) == [frozenset()]


def test_all_readings_of_a_session_with_a_clock_fault_have_an_uncertain_time() -> None:
    session = [{"url": SESSION, "valueReference": {"reference": "Observation/coin"}}]
    record = record_of(reading("r1", extension=session), reading("other"), clock_fault("coin"))
    assert sorted(map(len, flags_of(record))) == [0, 1]
    assert frozenset({"time_uncertain"}) in flags_of(record)


def test_an_uncertain_time_gives_no_fasting_value() -> None:
    session = [{"url": SESSION, "valueReference": {"reference": "Observation/coin"}}]
    meter = reading("r1", extension=session)
    meter["code"] = {"coding": [{"system": "http://loinc.org", "code": "2339-0"}]}
    meter["valueQuantity"] = {"value": 190, "code": "mg/dL", "system": "http://unitsofmeasure.org"}
    meter["effectiveDateTime"] = "2026-05-27T06:00:00+02:00"
    certain = record_of(meter).series["glucose_smbg"]
    doubtful = record_of(meter, clock_fault("coin")).series["glucose_smbg"]
    zone = "Europe/Berlin"
    as_of_ms = int(certain.at_ms[0]) + 3_600_000
    assert fasting_values(FastingInputs(meter=certain), as_of_ms, zone)
    assert fasting_values(FastingInputs(meter=doubtful), as_of_ms, zone) == ()


def test_the_kind_of_exercise_is_a_word() -> None:
    run = reading(
        "r1", valueCodeableConcept={"coding": [{"system": "http://loinc.org", "code": "LA11836-6"}]}
    )
    del run["valueQuantity"]
    run["code"] = {"coding": [{"system": "http://loinc.org", "code": "73985-4"}]}
    series = record_of(run).series["exercise_type"]
    assert series.labels[int(series.value[0])] == "running"


def test_the_example_of_the_guide_reports_its_five_bits(shared: Any) -> None:
    folder = shared / "data" / "fhir" / "hl7_phd_ig"
    report = json.loads((folder / "bits-observation.json").read_text())
    report["subject"] = {"reference": "Patient/p1"}
    report["derivedFrom"] = link("r1")
    record = record_of(reading("r1"), report)
    assert any(reason.startswith("device_status:sen") for reason in record.rejected)
