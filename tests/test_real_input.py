"""Real data through the whole: loaded into the sandbox, asked over HTTP, held against independent numbers."""

import csv
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sandbox_ehr import Clock, free_port

from cds_service.app import create_app
from cds_service.sandbox.app import Sandbox, create_sandbox
from cds_service.sandbox.demo import serving
from cds_service.sandbox.demo_state import DemoState
from cds_service.sandbox.hook_client import Reading
from cds_service.sandbox.loader import load_file
from cds_service.settings import load_settings

HALL = ("1636-69-032", "1636-70-1003", "2133-011", "2133-022", "2133-028", "2133-036")
SYNTHETIC = ("SYN-A", "SYN-B")
BANDS = {
    "below 54 mg/dL": ("below_percent", "below_54"),
    "70-180 mg/dL": ("in_range_percent", "in_range_70_180"),
    "above 250 mg/dL": ("above_percent", "above_250"),
}


@dataclass
class Hospital:
    """The sandbox with the shared data in it, the service it calls, and the clock of both."""

    sandbox: Sandbox
    clock: Clock

    def review(self, patient_id: str, at: str, way: Reading) -> dict[str, Any]:
        """The review card of one patient as of one moment."""
        self.clock.now_ms = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000)
        service = next(each for each in self.sandbox.client.discover() if each["id"] == "glucose-review")
        context = {"userId": "Practitioner/sim-clinician", "patientId": patient_id}
        answered = self.sandbox.client.call(service, context, way)
        assert answered.status == 200, answered.answer
        return dict(answered.cards[-1])


@pytest.fixture(scope="module")
def hospital(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    service_port, sandbox_port = free_port(), free_port()
    folder = tmp_path_factory.mktemp("hospital")
    state = DemoState(folder, f"http://127.0.0.1:{service_port}", f"http://127.0.0.1:{sandbox_port}")
    settings, clock = load_settings(state.prepare()), Clock()
    sandbox = create_sandbox(state.sandbox, clock)
    data = shared / "data"
    for file in (
        data / "cgm" / "hall2018_57subjects.csv.gz",
        data / "cgm" / "synthetic_cgm.csv.gz",
        data / "fhir" / "hl7_cgm_ig_1.0.0" / "Bundle-cgmDataSubmissionBundle.json",
        data / "fhir" / "fi_kanta_phr" / "diabetes-data-bundle.json.gz",
    ):
        load_file(file, sandbox.storage)
    app = create_app(settings, clock_ms=clock)
    with serving(sandbox.app, sandbox_port), serving(app, service_port):
        yield Hospital(sandbox, clock)
    sandbox.storage.close()


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, Any]:
    """Numbers of independent software, by person."""
    folder = shared / "data" / "cgm"
    hall = json.loads(gzip.decompress((folder / "expected_hall2018_iglu_python_0.4.3.json.gz").read_bytes()))
    synthetic = json.loads((folder / "expected_synthetic_iglu_python_0.4.3.json").read_text(encoding="utf-8"))
    return {person: found["r_compatible"] for person, found in (hall | synthetic).items()}


@pytest.fixture(scope="module")
def last_reading(shared: Path) -> dict[str, str]:
    """The time of each person's last reading with a value."""
    ends: dict[str, str] = {}
    for name in ("hall2018_57subjects.csv.gz", "synthetic_cgm.csv.gz"):
        with gzip.open(shared / "data" / "cgm" / name, "rt") as lines:
            for row in csv.DictReader(lines):
                if row["gl"] not in ("", "NA"):
                    ends[row["id"]] = max(ends.get(row["id"], ""), row["time"])
    return ends


def shown(value: float) -> str:
    """A share as cards print it."""
    if value == 0:
        return "0 %"
    return "under 0.1 %" if value < 0.05 else f"{value:.1f} %" if value < 10 else f"{value:.0f} %"


@pytest.mark.parametrize("prefetch", [True, False], ids=["prefetch", "fhir"])
@pytest.mark.parametrize("person", [*HALL, *SYNTHETIC])
def test_a_real_persons_card_shows_the_numbers_of_independent_software(
    hospital: Hospital, expected: Any, last_reading: Any, person: str, prefetch: bool
) -> None:
    numbers = expected[person]
    card = hospital.review(person, last_reading[person], Reading(prefetch=prefetch))
    text = card["detail"]
    assert f"ean {numbers['mean_glu']['mean']:.0f} mg/dL" in text
    for band, (group, name) in BANDS.items():
        share = re.escape(shown(numbers[group][name]))
        assert re.search(rf"{share} {band}|{re.escape(band)} \([^|]*\| {share} \|", text), (band, share, text)


def test_a_person_worn_for_a_week_gets_no_review_but_the_share_of_the_fortnight(
    hospital: Hospital, last_reading: Any
) -> None:
    card = hospital.review("2133-022", last_reading["2133-022"], Reading())
    assert card["summary"].startswith("No CGM review: readings cover 45 % of 14 days, 70 % are needed")
    assert "1,813 readings" in card["detail"] and "target" not in card["summary"]


def test_the_cgm_guides_own_example_is_one_reading_and_its_summaries_are_not_taken_for_more(
    hospital: Hospital,
) -> None:
    card = hospital.review("patientExample", "2024-05-02T12:00:00", Reading())
    assert card["summary"].startswith("No CGM review: readings cover 0 % of 14 days")
    assert "1 reading on 1 of 14 days" in card["detail"]


@pytest.mark.parametrize("prefetch", [True, False], ids=["prefetch", "fhir"])
def test_the_finnish_pump_bundle_is_read_in_mmol_with_its_637_sensor_readings(
    hospital: Hospital, shared: Path, prefetch: bool
) -> None:
    card = hospital.review("7257379", "2021-09-06T18:45:00", Reading(prefetch=prefetch))
    packed = (shared / "data" / "fhir" / "fi_kanta_phr" / "diabetes-data-bundle.json.gz").read_bytes()
    observations = [entry["resource"] for entry in json.loads(gzip.decompress(packed))["entry"]]
    values = [
        o["valueQuantity"]["value"]
        for o in observations
        if o["resourceType"] == "Observation" and o["code"]["coding"][0]["code"] == "14745-4"
    ]
    below = sum(round(value, 1) < 3.0 for value in values)
    assert len(values) == 637 and "637 readings on 3 of 14 days" in card["detail"]
    assert f"({sum(values) / 637:.1f} mmol/L)" in card["detail"]
    assert f"{shown(100 * below / 637)} below 54 mg/dL" in card["detail"]
