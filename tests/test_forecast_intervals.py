"""Intervals of the forecast's errors over people drawn again, its subgroups, and how its quantiles held."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.risk.glucose_forecast_model import LEVELS
from models.training.cgm_people import Person
from models.training.forecast_evaluation import evaluate_forecast
from models.training.forecast_intervals import coverage_intervals, error_intervals
from models.training.forecast_measure import FEWEST_QUESTIONS, coverage_of, errors_of
from models.training.forecast_windows import forecast_windows

HORIZONS = {"5", "15", "30", "45", "60", "90", "120"}


def made(seed, days=5):
    rng = np.random.default_rng(seed)
    slots = np.arange(days * 288)
    glucose = 140 + 90 * np.sin(slots / (23 + seed)) + rng.normal(0, 4, slots.size)
    return Person(f"set{seed % 2}/{seed}", 400_000 + seed, np.clip(glucose, 45, 380).round())


PEOPLE = tuple(made(seed) for seed in range(4))


@pytest.fixture(scope="module")
def found():
    return evaluate_forecast(PEOPLE, False, lambda _: None)


@given(st.floats(0.5, 40), st.integers(2, 8), st.integers(0, 50))
def test_people_who_are_all_alike_leave_no_room_in_the_interval(error, people, seed):
    person = np.repeat(np.arange(people), 3)
    told = error_intervals(person, np.full(person.size, error), seed)
    for low, high in told.values():
        assert low == pytest.approx(high) == pytest.approx(error, abs=1e-3)


@given(st.lists(st.floats(-60, 60), min_size=30, max_size=90), st.integers(0, 9))
def test_an_interval_lies_between_the_people_forecast_best_and_worst(errors, seed):
    error = np.array(errors)
    person = np.arange(error.size) % 6
    own = [errors_of(error[person == one]) for one in range(6)]
    for name, (low, high) in error_intervals(person, error, seed).items():
        each = [metrics[name.removesuffix("_interval_95")] for metrics in own]
        assert min(each) - 2e-3 <= low <= high <= max(each) + 2e-3


def test_what_is_not_known_and_people_who_are_not_asked_change_no_interval():
    person = np.repeat([0, 3, 7], 40)
    error = np.random.default_rng(1).normal(0, 20, person.size)
    more = np.r_[person, 7, 9], np.r_[error, np.nan, np.nan]
    assert error_intervals(*more, seed=2) == error_intervals(person, error, seed=2)
    assert error_intervals(np.searchsorted([0, 3, 7], person), error, 2) == error_intervals(person, error, 2)


def test_without_answers_there_is_no_interval():
    nothing = np.zeros(3, int), np.full(3, np.nan)
    assert error_intervals(*nothing, seed=1) == {
        "rmse_interval_95": [None, None],
        "mae_interval_95": [None, None],
    }
    assert set(map(tuple, coverage_intervals(*nothing, seed=1).values())) == {(None, None)}


def test_the_worst_decile_of_people_drawn_is_between_the_worst_person_and_the_worst_decile_of_alike_ones():
    people = np.repeat(np.arange(20), FEWEST_QUESTIONS)
    rng = np.random.default_rng(4)
    held = (rng.random(people.size) < np.repeat(rng.uniform(0.7, 1, 20), FEWEST_QUESTIONS)).astype(float)
    own = [held[people == one].mean() for one in range(20)]
    told = coverage_intervals(people, held, 3)
    low, high = told["coverage_90_worst_decile_interval_95"]
    assert min(own) <= low <= coverage_of(people, held)["coverage_90_worst_decile"] <= high <= max(own)


def test_people_with_few_answers_are_in_the_coverage_and_not_in_the_worst_decile():
    told = coverage_intervals(np.zeros(FEWEST_QUESTIONS - 1, int), np.ones(FEWEST_QUESTIONS - 1), 1)
    assert told["coverage_90_interval_95"] == [1.0, 1.0]
    assert told["coverage_90_worst_decile_interval_95"] == [None, None]


def test_every_number_of_every_model_and_horizon_is_inside_its_interval(found):
    for by_horizon in found["details"].values():
        assert set(by_horizon) == HORIZONS
        for metrics in by_horizon.values():
            for name in ("rmse", "mae", "coverage_90"):
                low, high = metrics[f"{name}_interval_95"]
                assert low <= metrics[name] <= high


def test_subgroups_of_one_kind_share_the_questions_among_them(found):
    windows = forecast_windows(PEOPLE)
    assert set(found["subgroups"]) == HORIZONS
    groups = found["subgroups"]["60"]
    kinds = (["source set0", "source set1"], ["night 00-06", "day 06-24"],
             ["below 70 mg/dL", "70 to 180 mg/dL", "above 180 mg/dL"])  # fmt: skip
    assert set(groups) == {name for kind in kinds for name in kind}
    for kind in kinds:
        assert sum(groups[name]["windows"] for name in kind) == windows.person.size


def test_a_subgroup_is_measured_on_its_own_people(found):
    alone = evaluate_forecast([p for p in PEOPLE if p.source == "set1"], False, lambda _: None)
    group, own = found["subgroups"]["30"]["source set1"], alone["details"]["boosting"]["30"]
    assert {name: group[name] for name in own} == own


def test_the_share_below_each_quantile_rises_and_the_outer_two_hold_the_coverage(found):
    for horizon, pairs in found["quantiles"].items():
        levels, shares = zip(*pairs, strict=True)
        assert levels == LEVELS
        assert list(shares) == sorted(shares)
        coverage = found["details"]["boosting"][horizon]["coverage_90"]
        assert shares[-1] - shares[0] == pytest.approx(coverage, abs=0.02)


def test_all_of_it_is_json(found):
    assert json.loads(json.dumps(found)) == found
