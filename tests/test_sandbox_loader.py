"""Files into the sandbox: Bundles, NDJSON, arrays, CGM tables, and what is refused."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_service.sandbox.loader import UnreadableFile, load_file
from cds_service.sandbox.search import parse_query
from cds_service.sandbox.storage import Storage

PATIENT = {"resourceType": "Patient", "id": "p"}
OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "99504-3"}]},
    "subject": {"reference": "Patient/p"},
    "effectiveDateTime": "2026-05-01T08:00:00Z",
}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    made = Storage(tmp_path / "ehr.sqlite")
    yield made
    made.close()


def found(storage: Storage, resource_type: str, patient: str) -> list[dict[str, Any]]:
    return storage.search(parse_query(resource_type, [("patient", patient)]))


def bundle(kind: str, *resources: dict[str, Any]) -> str:
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": [{"resource": r} for r in resources]})


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection", "searchset"])
def test_a_bundle_of_any_type_is_loaded(storage: Storage, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "in.json"
    file.write_text(bundle(kind, PATIENT, OBSERVATION))
    assert load_file(file, storage).resources == {"Patient": 1, "Observation": 1}
    assert len(found(storage, "Observation", "p")) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"{json.dumps(PATIENT)}\n\n{json.dumps(OBSERVATION)}\n",
        json.dumps([PATIENT, OBSERVATION]),
        f"{bundle('searchset', PATIENT)}\n{bundle('searchset', OBSERVATION)}",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_ndjson_arrays_and_pages_are_loaded_packed_or_not(
    storage: Storage, tmp_path: Path, text: str, packed: bool
) -> None:
    file = tmp_path / ("in.ndjson.gz" if packed else "in.ndjson")
    file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert load_file(file, storage).resources == {"Patient": 1, "Observation": 1}


def test_loading_a_file_twice_adds_nothing(storage: Storage, tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_text(bundle("collection", OBSERVATION, OBSERVATION | {"effectiveDateTime": "2026-05-02"}))
    load_file(file, storage)
    load_file(file, storage)
    assert len(found(storage, "Observation", "p")) == 2


def test_references_to_addresses_of_entries_are_followed(storage: Storage, tmp_path: Path) -> None:
    address = "urn:uuid:7d2b6e4e-6d2f-4a51-8b5e-1f0f4f6d9a01"
    about = OBSERVATION | {"subject": {"reference": address}}
    entries = [{"fullUrl": address, "resource": {"resourceType": "Patient"}}, {"resource": about}]
    file = tmp_path / "in.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    assert load_file(file, storage).added_patients == []
    assert len(found(storage, "Observation", address.removeprefix("urn:uuid:"))) == 1


def test_a_patient_that_nobody_has_is_added_without_a_name_and_reported(
    storage: Storage, tmp_path: Path
) -> None:
    file = tmp_path / "in.json"
    file.write_text(json.dumps(OBSERVATION))
    assert load_file(file, storage).added_patients == ["p"]
    assert storage.read("Patient", "p") is not None
    assert load_file(file, storage).added_patients == []


def test_a_table_becomes_patients_and_observations_and_empty_rows_are_counted(
    storage: Storage, tmp_path: Path
) -> None:
    file = tmp_path / "cgm.csv"
    file.write_text(
        '"id","time","gl"\nA 1,2026-05-01 08:00:00,93\nA 1,2026-05-01 08:05:00,\nB,2026-05-01 08:00:00,94.5\n'
    )
    loaded = load_file(file, storage)
    assert loaded.resources == {"Observation": 2} and loaded.empty_rows == 1
    assert loaded.added_patients == ["A-1", "B"]
    assert load_file(file, storage).added_patients == []
    reading = found(storage, "Observation", "A-1")[0]
    assert reading["effectiveDateTime"] == "2026-05-01T08:00:00Z"
    assert reading["valueQuantity"]["value"] == 93 and reading["valueQuantity"]["code"] == "mg/dL"
    assert found(storage, "Observation", "B")[0]["valueQuantity"]["value"] == 94.5


def test_a_table_of_one_person_is_named_by_its_file(storage: Storage, tmp_path: Path) -> None:
    file = tmp_path / "my cgm.csv"
    file.write_text("time,gl\n2026-05-01 08:00:00,93\n")
    load_file(file, storage)
    assert len(found(storage, "Observation", "my-cgm")) == 1


def test_a_table_of_a_patient_who_is_there_leaves_the_name(storage: Storage, tmp_path: Path) -> None:
    storage.put_all([{"resourceType": "Patient", "id": "ann", "name": [{"text": "Ann"}]}])
    file = tmp_path / "ann.csv"
    file.write_text("time,gl\n2026-05-01 08:00:00,93\n")
    assert load_file(file, storage).added_patients == []
    assert storage.search(parse_query("Patient", []))[0]["name"] == [{"text": "Ann"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b"{"),
        ("a.json", b""),
        ("a.json", b"[]"),
        ("a.json", b'{"resourceType":"Bundle"}'),
        ("a.json", b'{"resourceType":"Bundle","entry":[{"resource":{"id":"x"}}]}'),
        ("a.json", b'[{"resourceType":"Patient","id":"no/id"}]'),
        ("a.json", b"\xff\xfe"),
        ("a.json.gz", b"not packed"),
        ("a.csv", b"time,value\n2026-05-01,3\n"),
        ("a.csv", b"time,gl\n2026-05-01 08:00:00,high\n"),
        ("a.csv", b"time,gl\nyesterday,100\n"),
        ("a.csv", b""),
    ],
)
def test_a_file_that_is_none_of_these_is_refused_and_nothing_is_kept(
    storage: Storage, tmp_path: Path, name: str, content: bytes
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(UnreadableFile):
        load_file(file, storage)
    assert storage.search(parse_query("Patient", [])) == []


def test_the_cgm_guides_submission_is_loaded(storage: Storage, shared: Path) -> None:
    folder = shared / "data" / "fhir" / "hl7_cgm_ig_1.0.0"
    loaded = load_file(folder / "Bundle-cgmDataSubmissionBundle.json", storage)
    assert sum(loaded.resources.values()) == 9
    assert loaded.added_patients == ["patientExample"]
    assert len(found(storage, "Observation", "patientExample")) == loaded.resources["Observation"]


def test_the_finnish_pump_bundle_is_loaded_whole(storage: Storage, shared: Path) -> None:
    loaded = load_file(shared / "data" / "fhir" / "fi_kanta_phr" / "diabetes-data-bundle.json.gz", storage)
    assert loaded.resources == {"Observation": 646, "MedicationAdministration": 312}
    assert loaded.added_patients == ["7257379"]
    assert len(found(storage, "MedicationAdministration", "7257379")) == 312


def test_the_hall_table_is_loaded_with_its_57_people(storage: Storage, shared: Path) -> None:
    loaded = load_file(shared / "data" / "cgm" / "hall2018_57subjects.csv.gz", storage)
    assert loaded.resources == {"Observation": 105_417} and loaded.empty_rows == 9
    assert len(loaded.added_patients) == 57
    assert len(found(storage, "Observation", "1636-69-001")) > 1000
