"""The value-of-action model: additive, guarded, trained on other patients, and better than doing nothing."""

import hashlib
import json
from importlib.resources import files

import numpy as np
import pytest

from models.dosing.setting_actions import NO_CHANGE, PARTS, SettingChange
from models.dosing.setting_features import TherapyRecord, setting_features
from models.dosing.value_of_action import (
    OUTCOMES,
    best_changes,
    contributions,
    expected,
    packaged_model,
    parse_model,
    ranked_changes,
)
from models.model_cards import MODEL_CARDS
from models.simulation.arms import ARMS, Review, packaged_fold_models
from models.simulation.controller import reference_therapy
from models.simulation.patient_model import PatientModel
from models.simulation.run import simulate_world
from models.simulation.trial import trial
from models.simulation.virtual_patients import patients_in
from models.simulation.worlds import DEFAULT, SHIFTED
from models.training.fit_value_of_action import differences, fit, fold_of
from models.training.therapy_experience import DISTURBED, Experience, disturbed_world, perturbed
from models.training.train_value_of_action import Settings


@pytest.fixture(scope="module")
def features() -> dict[str, np.ndarray]:
    """Ten plausible patients: the centre of what the model was trained on, and around it."""
    model = packaged_model()
    rng = np.random.default_rng(4)
    z = 0.7 * rng.standard_normal((10, len(model.features)))
    raw = model.centre + z * model.scale
    raw = np.where(model.logged, np.expm1(np.maximum(raw, 0.0)), raw)
    return {name: raw[:, i] for i, name in enumerate(model.features)}


def one(features, i: int) -> dict[str, float]:
    return {name: float(value[i]) for name, value in features.items()}


# The served model


def test_the_model_reads_the_features_that_are_computed():
    patients = patients_in("adult").take([0, 1])
    therapy = reference_therapy(patients)
    trace = simulate_world(patients, therapy, DEFAULT, 2, np.random.default_rng(1))
    record = TherapyRecord(
        trace.cgm_mgdl, trace.basal_u, trace.bolus_u, trace.announced_g, therapy, patients.weight_kg
    )
    assert set(packaged_model().features) <= set(setting_features(record))


def test_no_change_is_expected_to_change_nothing(features):
    assert np.array_equal(
        expected(packaged_model(), features, np.zeros((1, len(PARTS)))), np.zeros((10, 1, 3))
    )


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_contributions_add_up_to_the_expectation(features, outcome):
    change = SettingChange(("basal", "carb_ratio_lunch"), (-10, 10))
    found = contributions(packaged_model(), one(features, 3), change, outcome)
    whole = expected(packaged_model(), features, change.log_factors[None])[3, 0, OUTCOMES.index(outcome)]
    assert sum(c.points for c in found) == pytest.approx(whole)


def test_alternatives_are_in_order_and_hold_no_change(features):
    ranked = ranked_changes(packaged_model(), one(features, 0), only_reductions=False)
    assert [r.score for r in ranked] == sorted(r.score for r in ranked)
    assert NO_CHANGE in [r.change for r in ranked]
    for alternative in ranked:
        for interval in (alternative.gri, alternative.tir, alternative.tbr):
            assert interval.low <= interval.value <= interval.high


def test_no_alternative_adds_insulin_where_only_reductions_are_allowed(features):
    for i in range(10):
        ranked = ranked_changes(packaged_model(), one(features, i), only_reductions=True, at_most=50)
        assert not any(alternative.change.adds_insulin for alternative in ranked)


def test_the_best_change_is_the_first_alternative(features):
    chosen = best_changes(packaged_model(), features, np.zeros(10, bool))
    for i in range(10):
        assert (
            chosen[i] == ranked_changes(packaged_model(), one(features, i), only_reductions=False)[0].change
        )


def test_lows_at_night_are_answered_with_less_insulin(features):
    lows = {
        "tbr": 10.0,
        "tbr54": 4.0,
        "tbr_00": 30.0,
        "tbr54_00": 12.0,
        "gri": 40.0,
        "lbgi": 4.0,
        "night_lowest": 60.0,
    }
    patient = one(features, 0) | lows
    best = ranked_changes(packaged_model(), patient, only_reductions=True)[0]
    assert best.change.percent
    assert best.tbr.value < 0.0


# How it was made


def test_each_patient_is_left_out_of_exactly_one_fold():
    text = files("models.simulation").joinpath("value_of_action_folds.json").read_text()
    left_out = [name for fold in json.loads(text)["folds"] for name in fold["left_out"]]
    assert sorted(left_out) == sorted(patients_in("adult", "adolescent").name)
    assert set(packaged_fold_models()) == set(left_out)


def test_the_file_states_how_it_did_on_people_left_out():
    content = json.loads(files("models.dosing").joinpath("value_of_action.json").read_text())
    measured = content["on_people_left_out"]
    assert measured["gri_of_best_predicted_of_those_tried"] < measured["gri_without_change"]
    assert parse_model(content).features == packaged_model().features


def test_the_card_says_what_the_file_was_made_from_and_that_its_code_is_not_known():
    content = files("models.dosing").joinpath("value_of_action.json").read_bytes()
    card = MODEL_CARDS["value-of-action"]
    made_from = card["made_from"]
    assert made_from["simulated_cases"] == json.loads(content)["cases"]
    assert card["version"] == json.loads(content)["version"]
    assert made_from["tables_sha256"] == {"value_of_action.json": hashlib.sha256(content).hexdigest()}
    assert made_from["code_sha256"] is None and made_from["code_not_known_because"]


def synthetic(n: int = 4000, m: int = 8) -> Experience:
    """Cases whose outcomes follow the model's own form without noise."""
    rng = np.random.default_rng(5)
    x = rng.uniform(-0.2, 0.1, (n, m, len(PARTS)))
    x[:, 0] = 0.0
    z = rng.standard_normal((n, 2))
    gain = x[..., 0] * (1.0 + z[:, :1]) - x[..., 3] * z[:, 1:]
    start = rng.uniform(2.0, 4.0, (n, 1))
    outcomes = np.stack([np.expm1(start + gain), 70.0 + gain, 5.0 - gain], axis=-1)
    return Experience(("mean", "cv"), z, x, outcomes, rng.choice(patients_in("adult").name, n))


def test_the_fit_finds_what_is_there_in_patients_it_has_not_seen():
    measured = fit(synthetic(), "test").on_people_left_out
    assert min(measured["variance_explained"].values()) > 0.95
    assert measured["gri_of_best_predicted_of_those_tried"] == pytest.approx(
        measured["gri_of_best_of_those_tried"], rel=0.01
    )


def test_no_patient_is_in_two_folds():
    patient = synthetic().patient
    fold = fold_of(patient)
    assert all(len(set(fold[patient == name])) == 1 for name in set(patient))
    assert len(set(fold)) == 5


def test_outcomes_are_differences_to_the_unchanged_therapy():
    assert not differences(synthetic())[:, 0].any()


def test_the_served_model_was_trained_within_half_of_the_shifted_world():
    part = Settings().lives.disturbance
    worlds = [disturbed_world(np.random.default_rng(i), part) for i in range(200)]
    assert max(w.missed_bolus_share for w in worlds) <= 0.05
    assert max(w.insulin_action_cv for w in worlds) <= 0.06
    assert max(w.dawn_rise for w in worlds) <= 0.025
    assert max(w.carb_error_cv for w in worlds) <= 0.20


def test_no_training_world_is_disturbed_more_than_the_shifted_world():
    worlds = [disturbed_world(np.random.default_rng(i), DISTURBED.disturbance) for i in range(200)]
    for name in ("carb_error_cv", "missed_bolus_share", "insulin_action_cv", "dawn_rise", "exercise_per_day"):
        assert max(getattr(world, name) for world in worlds) < getattr(SHIFTED, name)


def test_a_perturbed_patient_keeps_the_steady_state():
    patients = perturbed(patients_in("adult"), np.random.default_rng(6))
    model = PatientModel(patients)
    before = model.glucose_mgdl
    for _ in range(720):
        model.step(patients.basal_u_per_h / 60.0, np.zeros(len(patients)))
    assert np.abs(model.glucose_mgdl - before).max() < 5.0


# The trial


def reckless(review: Review):
    return review.record.therapy.scaled(1.1, 1.0, 1.0)


@pytest.fixture(scope="module")
def outcome() -> dict:
    return trial({**ARMS, "reckless": reckless}, DEFAULT, cases=8, cycles=2, seed=3)


def test_the_trial_reports_each_arm_and_cycle(outcome):
    assert set(outcome["arms"]) == {*ARMS, "reckless"}
    for rows in outcome["arms"].values():
        assert [row["cycle"] for row in rows] == [1, 2]
        for row in rows:
            assert row["tir"] + row["tbr"] + row["tar"] == pytest.approx(100.0, abs=0.01)
    assert set(outcome["groups"]) == {"adult", "adolescent"}


def test_without_a_change_every_cycle_is_the_same(outcome):
    first, second = outcome["arms"]["none"]
    assert first | {"cycle": 2} == second
    assert first["direction_agreement"] is None
    assert first["failed"] == 0.0


def test_advice_to_add_insulin_in_spite_of_lows_is_counted(outcome):
    assert outcome["arms"]["reckless"][0]["contraindicated"] > 0.0
    for guarded_arm in ("rules", "value-of-action"):
        assert all(row["contraindicated"] == 0.0 for row in outcome["arms"][guarded_arm])


def test_learned_advice_lowers_the_risk_index_of_mis_set_therapies(outcome):
    assert outcome["arms"]["value-of-action"][-1]["gri"] < outcome["arms"]["none"][-1]["gri"]


def test_another_arm_changes_nothing_for_the_others(outcome):
    alone = trial({"none": ARMS["none"]}, DEFAULT, cases=8, cycles=1, seed=3)
    assert alone["arms"]["none"][0] == pytest.approx(outcome["arms"]["none"][0])


def test_a_trial_without_a_case_of_each_group_is_refused():
    with pytest.raises(ValueError):
        trial(ARMS, DEFAULT, cases=1, cycles=1, seed=1)


def test_readable_and_boosted_models_are_asked_about_the_same_patients():
    pytest.importorskip("lightgbm", reason="the comparison needs the extra `train`")
    from models.training.challenge_value_of_action import compare

    found = compare(synthetic(400))
    assert set(found) == {"additive", "boosted_trees"}
    assert {measured["cases"] for measured in found.values()} == {400}
    assert found["additive"]["variance_explained"]["log_gri"] > 0.7


def test_the_card_is_of_the_model_that_is_packaged():
    card = MODEL_CARDS["value-of-action"]
    assert card["version"] == packaged_model().version
    assert "trial" in card["validity_internal"].lower()
