"""The harness: its metrics against textbook definitions, its splits by person, and the leaks it must catch."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from made_people import person, written

from models.risk.causal_grid import SLOTS_PER_DAY
from models.risk.glucose_episodes import episode_starts
from models.risk.glucose_risk_features import risk_features
from models.training import metrics
from models.training.calibration_by_chance import error_by_chance
from models.training.cgm_people import Person, UnreadablePeople, fingerprint, read_people
from models.training.evaluate import evaluate
from models.training.event_alarms import alarms_at, event_peaks, fires, lead_times_min
from models.training.leak_check import check_no_look_ahead
from models.training.patient_bootstrap import bootstrap_intervals
from models.training.patient_folds import LeakError, check_split, fold_of_people, resampled_people
from models.training.questions import Questions
from models.training.short_term_events import EVENTS
from models.training.short_term_windows import HORIZONS_MIN, episodes_after, questions, task_of, windows_of

PEOPLE = [person(seed, name=f"set{seed % 2}/{seed}") for seed in range(4)]

labels = st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=2, max_size=60)


@given(labels)
def test_auroc_is_the_share_of_pairs_ranked_right(rows):
    label, score = np.array([float(a) for a, _ in rows]), np.array([float(b) for _, b in rows])
    assume(0 < label.sum() < label.size)
    ahead = score[label == 1][:, None] - score[label == 0]
    assert metrics.auroc(label, score) == pytest.approx(((ahead > 0) + 0.5 * (ahead == 0)).mean())


@given(labels)
def test_average_precision_is_the_sum_over_distinct_thresholds(rows):
    label, score = np.array([float(a) for a, _ in rows]), np.array([float(b) for _, b in rows])
    assume(label.sum() > 0)
    expected, before = 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        passed = score >= threshold
        recall = label[passed].sum() / label.sum()
        expected, before = expected + label[passed].mean() * (recall - before), recall
    assert metrics.auprc(label, score) == pytest.approx(expected)


@given(labels)
def test_metrics_of_one_class_are_undefined_and_never_a_number(rows):
    score = np.array([float(b) for _, b in rows])
    assert np.isnan(metrics.auroc(np.zeros(score.size), score))
    assert np.isnan(metrics.auprc(np.zeros(score.size), score))
    assert np.isnan(metrics.sensitivity_at_specificity(np.zeros(score.size), score, 0.9))


def test_calibration_of_a_true_probability_is_near_right_and_of_a_stretched_one_is_not():
    rng = np.random.default_rng(3)
    log_odds = rng.normal(-2, 1.2, 40_000)
    right = 1 / (1 + np.exp(-log_odds))
    label = (rng.random(right.size) < right).astype(float)
    stretched = 1 / (1 + np.exp(-2 * log_odds))
    assert metrics.expected_calibration_error(label, right) < 0.01
    assert metrics.calibration_slope(label, right) == pytest.approx(1, abs=0.05)
    assert metrics.calibration_slope(label, stretched) == pytest.approx(0.5, abs=0.05)
    assert metrics.expected_calibration_error(label, stretched) > 0.03


def test_right_probabilities_rarely_show_a_larger_calibration_error_than_chance_gives():
    rng = np.random.default_rng(5)
    right = rng.beta(1, 8, 3_000)
    bound = error_by_chance(right, seed=1)
    draws = [(rng.random(right.size) < right).astype(float) for _ in range(400)]
    above = np.mean([metrics.expected_calibration_error(label, right) > bound for label in draws])
    assert 0.005 < above < 0.06
    assert error_by_chance(np.repeat(right, 9), seed=1) < 0.5 * bound
    assert metrics.expected_calibration_error(draws[0], right**0.5) > bound


def test_a_slope_is_stated_of_no_group_with_fewer_than_ten_episodes():
    label, probability = (np.arange(49) % 5 == 4).astype(float), np.linspace(0.05, 0.6, 49)
    assert label.sum() == 9
    assert np.isnan(metrics.calibration_slope(label, probability))
    assert np.isnan(metrics.calibration_slope(1 - label, probability))
    assert np.isfinite(metrics.calibration_line(label, probability)).all()


@given(st.integers(10, 40), st.integers(10, 40), st.booleans())
def test_classes_that_a_threshold_parts_have_no_slope_instead_of_an_endless_one(low, high, upside_down):
    label = np.repeat([0.0, 1.0], [low, high])
    probability = np.r_[np.linspace(0.01, 0.3, low), np.linspace(0.3, 0.9, high)]
    assert np.isnan(metrics.calibration_slope(1 - label if upside_down else label, probability))
    assert np.isnan(metrics.calibration_slope(label, np.full(label.size, 0.2)))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=80))
def test_a_slope_that_is_stated_balances_what_is_observed(rows):
    label, probability = np.array([float(a) for a, _ in rows]), np.array([b for _, b in rows])
    intercept, slope = metrics.calibration_line(label, probability)
    assume(np.isfinite(slope))
    held = np.clip(probability, 1e-9, 1 - 1e-9)
    fitted = 1 / (1 + np.exp(-(intercept + slope * np.log(held / (1 - held)))))
    assert fitted.sum() == pytest.approx(label.sum(), abs=1e-3)


@pytest.mark.parametrize(
    ("low_slots", "starts"),
    [([5, 6], []), ([5, 6, 7], [5]), ([5, 6, 7, 9, 10, 11], [5, 9]), ([0, 1, 2], [0]), ([18, 19], [])],
)
def test_an_episode_is_fifteen_minutes_below_seventy(low_slots, starts):
    glucose = np.full(20, 100.0)
    glucose[low_slots] = 69.0
    assert np.flatnonzero(episode_starts(glucose)).tolist() == starts


@pytest.mark.parametrize(
    ("start", "within_30", "within_60"), [(21, 1, 1), (26, 1, 1), (27, 0, 1), (32, 0, 1), (33, 0, 0)]
)
def test_an_answer_counts_episodes_that_start_after_the_question_within_the_horizon(
    start, within_30, within_60
):
    glucose = np.full(80, 100.0)
    glucose[start : start + 3] = 60.0
    found = episodes_after(glucose, np.array([20]))
    assert (found[30][0], found[60][0], found[120][0]) == (within_30, within_60, 1.0)


def test_an_answer_is_unknown_where_the_horizon_was_not_observed():
    glucose = np.full(60, 100.0)
    glucose[25:45] = np.nan
    found = episodes_after(glucose, np.array([20]))
    assert np.isnan(found[60][0])


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_a_table_learns_of_every_episode_of_its_horizon_and_more_of_one_that_comes_sooner(event):
    swinging = [replace(one, measured=160 + 3 * (one.measured - 120)) for one in PEOPLE]
    windows = windows_of(swinging, event)
    for horizon, sooner in zip(HORIZONS_MIN, (None, *HORIZONS_MIN), strict=False):
        task = task_of(windows, horizon, event)
        known = ~np.isnan(windows.episode[horizon])
        assert ((task.learned > 0) == (task.questions.episode == 1)).all()
        if sooner is None:
            assert (task.learned == task.questions.episode).all()
            continue
        came_sooner = windows.episode[sooner][known] == 1
        later = (task.questions.episode == 1) & (windows.episode[sooner][known] == 0)
        assert came_sooner.any() and later.any()
        assert (task.learned[came_sooner] == 1).all()
        assert task.learned[later] == pytest.approx(1 / 3)


def test_questions_are_asked_on_quarter_hours_at_glucose_from_seventy_with_a_fresh_reading():
    one = person(1)
    slots = questions(one)
    assert ((one.first_slot + slots) % 3 == 0).all()
    held = [one.measured[max(0, s - 3) : s + 1] for s in slots]
    assert all(np.any(~np.isnan(h)) and h[~np.isnan(h)][-1] >= 70 for h in held)


def asked(rows):
    who, slot, label = (np.array(c) for c in zip(*rows, strict=True))
    return Questions(who, slot, label.astype(float))


def test_an_alarm_is_silent_for_an_hour_and_for_nobody_else():
    found = fires(asked([(0, s, 0) for s in range(0, 30, 3)] + [(1, 0, 0)]), np.ones(11, bool))
    assert np.flatnonzero(found).tolist() == [0, 4, 8, 10]


def test_an_event_is_found_when_any_question_of_its_run_passes():
    rows = [(0, 0, 0), (0, 3, 1), (0, 6, 1), (0, 9, 0), (0, 12, 1), (1, 15, 1)]
    assert event_peaks(asked(rows), np.array([9, 1, 5, 9, 2, 7.0])).tolist() == [5, 2, 7]


def test_the_lead_time_runs_from_the_first_passing_question_to_the_last_before_the_episode():
    rows = [(0, 0, 0), (0, 3, 1), (0, 6, 1), (0, 9, 1), (0, 12, 0), (0, 15, 1), (1, 18, 1)]
    passes = np.array([True, False, True, False, True, False, True])
    assert lead_times_min(asked(rows), passes).tolist() == [15.0, 0.0]


def test_false_alarms_are_counted_after_fourteen_days_per_observed_day():
    first = [(0, s, 1) for s in range(0, 14 * SLOTS_PER_DAY, 3)]
    later = [(0, 14 * SLOTS_PER_DAY + s, int(s == 30)) for s in range(0, SLOTS_PER_DAY, 3)]
    questions_ = asked(first + later)
    score = np.where(questions_.slot % 60 == 0, 1.0, 0.0)
    score[questions_.slot == 14 * SLOTS_PER_DAY + 30] = 1.0
    found = alarms_at(questions_, score, 0.8)
    assert found.sensitivity == 1.0
    assert found.false_per_day == pytest.approx(4.0)


@given(st.integers(5, 80), st.integers(0, 99))
def test_folds_split_people_and_are_the_same_for_a_seed(people, seed):
    fold = fold_of_people(people, seed)
    assert np.ptp(np.bincount(fold, minlength=5)) <= 1
    np.testing.assert_array_equal(fold, fold_of_people(people, seed))


def test_a_person_on_both_sides_of_a_split_is_caught():
    who = np.array([0, 0, 1, 1])
    check_split(who, np.array([1, 1, 0, 0], bool), np.array([0, 0, 1, 1], bool))
    with pytest.raises(LeakError, match="1 people"):
        check_split(who, np.array([1, 0, 0, 0], bool), np.array([0, 1, 1, 1], bool))


@given(st.integers(0, 1000))
def test_a_resample_draws_whole_people_and_leaves_the_others_for_stopping(seed):
    who = np.repeat(np.arange(10), 7)
    bags = resampled_people(who, 4, seed)
    for refit in bags.T:
        counts = refit.reshape(10, 7)
        assert (counts == counts[:, :1]).all()
        assert counts[:, 0][counts[:, 0] > 0].sum() == 10


def test_the_features_that_are_served_do_not_look_ahead():
    check_no_look_ahead(risk_features, PEOPLE, seed=1)


@pytest.mark.parametrize("reach", [1, 6, 288])
def test_a_planted_leak_is_caught_and_named(reach):
    def leaking(measured, at):
        later = np.append(measured[reach:], np.full(reach, np.nan))
        honest = risk_features(measured, at)
        return honest | {"lowest_to_come": np.fmin(measured, later)[at]}

    with pytest.raises(LeakError, match="lowest_to_come"):
        check_no_look_ahead(leaking, PEOPLE, seed=1)


def test_the_same_readings_are_known_again_under_another_name_and_others_are_not():
    one, other = person(1), person(2)
    assert fingerprint(one) == fingerprint(Person("x/renamed", one.first_slot, one.measured))
    assert fingerprint(one) != fingerprint(other)


def test_bootstrap_intervals_hold_the_estimate_and_are_the_same_for_a_seed():
    rng = np.random.default_rng(5)
    who, score = np.repeat(np.arange(30), 100), rng.random(3000)
    label = (rng.random(3000) < score).astype(float)
    found = bootstrap_intervals(who, label, score, 7)
    low, high = found["auroc_interval_95"]
    assert low < metrics.auroc(label, score) < high
    assert found == bootstrap_intervals(who, label, score, 7)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return evaluate("hypoglycemia", written(tmp_path_factory.mktemp("data"), PEOPLE))


def test_a_file_is_read_back_as_the_people_it_was_written_from(tmp_path):
    back = read_people(written(tmp_path, PEOPLE))
    assert [p.name for p in back] == [p.name for p in PEOPLE]
    first = np.flatnonzero(~np.isnan(PEOPLE[0].measured))
    np.testing.assert_array_equal(back[0].measured, PEOPLE[0].measured[first[0] : first[-1] + 1])


def test_the_report_has_the_agreed_shape_and_is_plain_json(report):
    assert set(report) >= {"task", "people", "windows", "served", "models"}
    assert (report["task"], report["people"], report["people_learned_from"]) == ("hypoglycemia", 4, 0)
    keys = {"auroc", "auprc", "ece", "sensitivity_at_90_specificity", "false_alarms_per_day_at_80"}
    for by_horizon in report["models"].values():
        assert set(by_horizon) == {"30", "60", "120"}
        assert all(set(found) == keys for found in by_horizon.values())
    assert report["served"] in report["models"]
    json.dumps(report, allow_nan=False)


def test_a_score_that_is_no_probability_states_no_calibration(report):
    assert report["models"]["linear_extrapolation"]["30"]["ece"] is None
    assert report["models"][report["served"]]["30"]["ece"] is not None


def test_the_nocturnal_report_has_the_agreed_shape(tmp_path):
    found = evaluate("nocturnal", written(tmp_path, PEOPLE))
    assert found["task"] == "nocturnal"
    assert all(set(m) == {"auroc", "auprc", "ece"} for m in found["models"].values())
    assert found["windows"] <= 4 * 20
    json.dumps(found, allow_nan=False)


def test_nights_are_told_by_source_of_the_data(tmp_path):
    found = evaluate("nocturnal", written(tmp_path, PEOPLE))
    groups = found["subgroups"]["night"]
    assert set(groups) == {"source set0", "source set1"}
    assert sum(metrics["windows"] for metrics in groups.values()) == found["windows"]


def test_the_served_models_are_evaluated_without_any_learning_library():
    code = (
        "import sys\n"
        "for name in ('sklearn', 'interpret', 'lightgbm', 'torch', 'pandas', 'scipy'): sys.modules[name] = None\n"
        "import models.training.evaluate, models.risk.hypoglycemia, models.risk.nocturnal_hypoglycemia\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 500))
def test_metrics_do_not_depend_on_the_order_of_people(seed):
    rng = np.random.default_rng(seed)
    label, score = (rng.random(300) < 0.3).astype(float), rng.random(300)
    order = rng.permutation(300)
    assert metrics.auroc(label[order], score[order]) == pytest.approx(metrics.auroc(label, score))
    assert metrics.auprc(label[order], score[order]) == pytest.approx(metrics.auprc(label, score))


@pytest.mark.parametrize("array", ["code", "slot_delta", "mgdl"])
def test_a_file_whose_arrays_are_no_numbers_is_refused(tmp_path, array):
    path = written(tmp_path, PEOPLE[:1])
    arrays = dict(np.load(path))
    np.savez(path, **(arrays | {array: arrays[array].astype(str)}))
    with pytest.raises(UnreadablePeople, match="not all numbers"):
        read_people(path)
