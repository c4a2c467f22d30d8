"""The vectorised equations agree with the simulator they come from."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from models.simulation.patient_model import PatientModel
from models.simulation.virtual_patients import VirtualPatients, all_patients, patients_in, patients_named

GOLDEN = Path(__file__).parent / "golden" / "simulation" / "simglucose_0.2.11_3d.json.gz"
AGREEMENT_MGDL = 0.2


@pytest.fixture(scope="module")
def golden() -> dict:
    return json.loads(gzip.decompress(GOLDEN.read_bytes()))


def replay(patients: VirtualPatients, golden: dict) -> np.ndarray:
    """Glucose of all golden cases at the golden sampling, (n, samples)."""
    minutes = golden["days"] * 1440
    carbs_g = np.zeros((minutes, len(patients)))
    insulin_u = np.tile(patients.basal_u_per_h / 60.0, (minutes, 1))
    for i, case in enumerate(golden["cases"]):
        for at, grams in case["meals"]:
            carbs_g[at, i] = grams
            insulin_u[at : at + golden["bolus_min"], i] += (
                grams / case["carb_ratio_g_per_u"] / golden["bolus_min"]
            )
    model = PatientModel(patients)
    glucose = np.empty((len(patients), minutes))
    for minute in range(minutes):
        model.step(insulin_u[minute], carbs_g[minute])
        glucose[:, minute] = model.glucose_mgdl
    return glucose[:, golden["sample_min"] - 1 :: golden["sample_min"]]


def test_thirty_patients_follow_the_reference_simulator_within_a_fifth_of_a_mgdl(golden):
    patients = all_patients()
    assert [case["name"] for case in golden["cases"]] == list(patients.name)
    expected = np.array([case["glucose_mgdl"] for case in golden["cases"]])
    assert np.abs(replay(patients, golden) - expected).max() <= AGREEMENT_MGDL


def test_a_patient_does_not_feel_who_else_is_in_the_batch(golden):
    alone = replay(patients_named("adolescent#001"), {**golden, "cases": golden["cases"][:1]})
    together = replay(all_patients(), golden)
    assert np.abs(alone[0] - together[0]).max() < 1e-9


def test_the_published_steady_state_stays_where_it_is():
    patients = patients_in("adult")
    model = PatientModel(patients)
    before = model.glucose_mgdl
    for _ in range(1440):
        model.step(patients.basal_u_per_h / 60.0, np.zeros(len(patients)))
    assert np.abs(model.glucose_mgdl - before).max() < 0.01


def test_there_are_ten_patients_of_each_group():
    patients = all_patients()
    assert len(patients) == 30
    assert {g: int((patients.group == g).sum()) for g in set(patients.group)} == {
        "adult": 10,
        "adolescent": 10,
        "child": 10,
    }


def test_a_name_that_is_no_patient_is_an_error():
    with pytest.raises(KeyError):
        patients_named("adult#011")
