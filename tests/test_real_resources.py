"""Real and official example resources come out as the values that a reader of them would expect."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fhir_mappers.explain import explain
from fhir_mappers.points import points
from fhir_mappers.site import Site
from fhir_mappers.to_patient_record import to_patient_record
from models.patient_record import PatientRecord

AS_OF_MS = 1_790_000_000_000


def body(path: Path) -> bytes:
    """The bytes of a file, unpacked."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def mapped(patient_id: str, *paths: Path, **site: Any) -> PatientRecord:
    """The record of one patient from files."""
    return to_patient_record(
        patient_id, {"files": [body(p) for p in paths]}, as_of_ms=AS_OF_MS, site=Site(**site)
    )


def counts(record: PatientRecord) -> dict[str, int]:
    """Values by signal."""
    return {signal: len(series) for signal, series in record.series.items()}


def test_the_finnish_pump_bundle_is_used_whole(shared: Path) -> None:
    record = mapped("7257379", shared / "data/fhir/fi_kanta_phr/diabetes-data-bundle.json.gz")
    assert counts(record) == {"carbs": 9, "glucose_cgm": 637, "insulin_basal": 291, "insulin_bolus": 21}
    assert not record.rejected
    glucose = record.series["glucose_cgm"]
    assert {glucose.native_units[i] for i in glucose.native_unit} == {"mmol/L"}
    assert glucose.value.min() >= 40 and glucose.value.max() <= 400


def test_the_summary_bundle_of_the_cgm_guide_stays_apart_from_readings(shared: Path) -> None:
    folder = shared / "data/fhir/hl7_cgm_ig_1.0.0"
    record = mapped("patientExample", folder / "Bundle-cgmDataSubmissionBundle.json")
    found = {p["signal"]: p["value"] for p in points(record)}
    assert found.pop("glucose_cgm") == 120
    bands = {
        name: value
        for name, value in found.items()
        if name.startswith("cgm_pct") and name != "cgm_pct_active"
    }
    assert bands == {
        "cgm_pct_very_low": 3,
        "cgm_pct_low": 8,
        "cgm_pct_in_range": 65,
        "cgm_pct_high": 20,
        "cgm_pct_very_high": 4,
    }
    assert all("device_summary" in p["flags"] for p in points(record) if p["signal"].startswith("cgm_"))
    assert record.warnings == ("Printed report present, not read: DiagnosticReport/cgmSummaryPDFExample",)


def test_german_chunks_expand_and_keep_their_lows(shared: Path) -> None:
    folder = shared / "data/fhir/gematik_hddt"
    record = mapped("p1", folder / "Observation-example-cgm-series.json", subject_optional=True)
    glucose = record.series["glucose_cgm"]
    assert len(glucose) == 60
    assert glucose.value[glucose.censored == -1].tolist() == [35, 35, 35]
    assert (glucose.at_ms[1:] - glucose.at_ms[:-1] == 60_000).all()
    assert counts(mapped("p1", folder / "Observation-example-cgm-series-1.json", subject_optional=True)) == {
        "glucose_cgm": 12
    }
    silent = mapped(
        "p1", folder / "Observation-example-cgm-series-data-unavailable.json", subject_optional=True
    )
    assert silent.rejected["data_absent:temp-unknown"].count == 1


@pytest.mark.spec("F-14")
def test_F14_without_a_subject_nothing_of_the_german_chunks_is_used(shared: Path) -> None:
    record = mapped("p1", shared / "data/fhir/gematik_hddt/Observation-example-cgm-series.json")
    assert record.rejected["subject_missing"].count == 1 and not record.series


def test_the_device_guide_gives_measurements_and_no_clock_or_status_bits(shared: Path) -> None:
    folder = shared / "data/fhir/hl7_phd_ig"
    examples = [p for p in sorted(folder.glob("*.json")) if "patientExample-1" in p.read_text()]
    record = mapped("patientExample-1", *examples)
    assert counts(record) == {
        "body_temperature": 1,
        "dbp": 1,
        "ecg_wave": 116,
        "glucose_smbg": 2,
        "meal_mark": 1,
        "sbp": 1,
        "spo2": 1,
    }
    assert record.rejected["data_absent:not-a-number"].count == 1
    oximeter = folder / "bundle-example-1.json"
    assert counts(mapped("patient-001", oximeter)) == {"heart_rate": 1, "spo2": 1}
    assert counts(mapped("5b7842fe-978d-4182-a41f-0d07a8617bc2", oximeter)) == {"heart_rate": 1, "spo2": 1}


def test_an_ecg_is_origin_plus_factor_times_sample_in_microvolts(shared: Path) -> None:
    record = mapped("patientExample-1", shared / "data/fhir/hl7_phd_ig/rtsa-example-2.json")
    wave = record.series["ecg_wave"]
    assert wave.native_value[0] == pytest.approx(-3300 + 1.612 * 2041)
    assert wave.unit == "uV" and wave.value[0] == pytest.approx(1000 * wave.native_value[0])


def test_activity_bundles_give_days_minutes_and_heart_rate(shared: Path) -> None:
    folder = shared / "data/fhir/hl7_physical_activity_ig_1.0.1"
    two = mapped("Scen2PatientJohansson", folder / "Bundle-Scen2ObservationResponseBundle.json")
    five = mapped("Scen5PatientRosalie", folder / "Bundle-Scen5ObservationsResponseBundle.json")
    assert counts(two) == {"evs_days_week": 1, "evs_min_day": 1}
    assert counts(five) == {
        "exercise_min": 3,
        "exercise_type": 1,
        "glucose_smbg": 1,
        "heart_rate_mean_activity": 1,
    }


@pytest.mark.parametrize(("name", "visits"), [("Almeda560", 15), ("Lynelle567", 11)])
def test_a_synthetic_chart_gives_one_of_each_vital_sign_a_visit(shared: Path, name: str, visits: int) -> None:
    path = shared / f"data/fhir/synthea_diabetes/{name}.json.gz"
    patient = next(
        e["resource"]["id"]
        for e in json.loads(body(path))["entry"]
        if e["resource"]["resourceType"] == "Patient"
    )
    record = mapped(patient, path)
    found = counts(record)
    assert {found[s] for s in ("sbp", "dbp", "heart_rate", "resp_rate", "body_weight", "creatinine")} == {
        visits
    }
    assert record.birth_date is not None and record.sex == "female"
    assert "type_2_diabetes" in record.concepts()
    assert "wrong_patient" not in record.rejected


@pytest.mark.parametrize(
    ("patient", "file"),
    [
        ("7257379", "fi_kanta_phr/diabetes-data-bundle.json.gz"),
        ("patientExample", "hl7_cgm_ig_1.0.0/Bundle-cgmDataSubmissionBundle.json"),
        ("16b9eeca-09bb-7b64-7ee1-c276486db092", "synthea_diabetes/Almeda560.json.gz"),
    ],
)
def test_the_table_of_an_integrator_accounts_for_every_resource(
    shared: Path, patient: str, file: str
) -> None:
    raw = body(shared / "data/fhir" / file)
    table = explain(patient, {"file": [raw]}, as_of_ms=AS_OF_MS, site=Site())
    arrived = Counter(e["resource"]["resourceType"] for e in json.loads(raw)["entry"])
    listed: Counter[str] = Counter()
    for line in table["arrived"]:
        listed[line["type"]] += line["arrived"]
        assert line["used"] + sum(line["dropped"].values()) + line["not_read"] == line["arrived"]
        assert line["not_read"] >= 0
    assert listed == arrived


def test_no_example_resource_of_any_guide_raises(shared: Path) -> None:
    for path in sorted((shared / "data/fhir").rglob("*.json*")):
        record = mapped("nobody", path)
        assert not record.series
