"""oref0 autotune as the peer: its own answers for recorded questions, and our records in its words."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cds_service.autotune_peer import Autotune, AutotuneAbsent
from cds_service.cli import main
from models.dosing.setting_features import TherapyRecord, setting_features
from models.simulation.arms import Review
from models.simulation.autotune_inputs import autotune_questions, tuned_therapy
from models.simulation.controller import reference_therapy
from models.simulation.run import simulate_world
from models.simulation.virtual_patients import patients_named
from models.simulation.worlds import SHIFTED


@pytest.fixture(scope="module")
def autotune() -> Autotune:
    try:
        return Autotune()
    except AutotuneAbsent as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def review() -> Review:
    """Four days of two patients in the shifted world, gaps and all."""
    patients = patients_named("adult#001", "adolescent#002")
    therapy = reference_therapy(patients)
    trace = simulate_world(patients, therapy, SHIFTED, 4, np.random.default_rng(3))
    record = TherapyRecord(
        trace.cgm_mgdl, trace.basal_u, trace.bolus_u, trace.announced_g, therapy, patients.weight_kg
    )
    return Review(patients.name, record, setting_features(record), therapy)


def test_autotune_answers_the_recorded_questions_as_recorded(autotune: Autotune, shared: Path) -> None:
    recorded = json.loads(gzip.decompress((shared / "data" / "oref0_autotune_vectors.json.gz").read_bytes()))
    for found, wanted in zip(autotune.answers(recorded["inputs"]), recorded["expected"], strict=True):
        assert found == {name: wanted[name] for name in ("basal", "cr", "isf")}


def test_autotune_as_an_arm_gives_each_patient_a_therapy_near_the_pump(
    autotune: Autotune, review: Review
) -> None:
    found = autotune(review)
    assert len(found) == 2
    ratio = found.basal_u_per_h / review.record.therapy.basal_u_per_h
    assert 0.69 < ratio.min() <= ratio.max() < 1.21
    assert (found.carb_ratio_g_per_u == found.carb_ratio_g_per_u[:, :1]).all()


def test_a_question_holds_every_reading_and_every_meal_of_its_days(review: Review) -> None:
    question = autotune_questions(review)[0]
    record = review.record
    assert len(question["days"]) == 3
    within = slice(48, 48 + 3 * 288)
    readings = np.isfinite(record.cgm_mgdl[0, 49 : 49 + 3 * 288]).sum()
    assert sum(len(day["entries"]) for day in question["days"]) == readings
    treatments = [t for day in question["days"] for t in day["treatments"]]
    assert sum(t["carbs"] for t in treatments) == pytest.approx(record.carbs_g[0, within].sum(), abs=1.0)
    assert sum(t["insulin"] for t in treatments) == pytest.approx(record.bolus_u[0, within].sum(), abs=0.2)
    assert question["days"][0]["entries"][0]["dateString"] == "2026-01-01T04:05:00.000Z"


def test_what_autotune_found_becomes_therapy() -> None:
    found = tuned_therapy([{"basal": list(range(1, 25)), "cr": 9.5, "isf": 40.0}])
    assert found.basal_u_per_h[0, 23] == 24.0
    assert (found.carb_ratio_g_per_u == 9.5).all()
    assert found.sensitivity_mgdl_per_u.shape == (1, 24)


def test_without_oref0_the_command_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AutotuneAbsent, match="autotune needs"):
        Autotune(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(main, ["trial", "--arms", "none,autotune", "--cases", "2", "--cycles", "1"])
    assert result.exit_code == 2
    assert "Node" in result.stderr
