"""The evaluation of the glucose forecast on people in a file, and what it is counted with."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from made_people import written

from cds_service.cli import main
from models.risk.glucose_forecast import KNOTS
from models.risk.glucose_forecast_features import forecast_features
from models.training.cgm_people import Person
from models.training.forecast_evaluation import evaluate_forecast, inside
from models.training.forecast_measure import coverage_of, errors_of, own_coverage
from models.training.forecast_windows import asked_of, forecast_windows, question_slots
from models.training.leak_check import check_no_look_ahead
from models.training.patient_folds import LeakError
from models.training.questions import NothingToAsk

STATED = {"rmse_30", "rmse_60", "mae_60", "coverage_90", "coverage_90_worst_decile"}


def person(seed, days=6):
    rng = np.random.default_rng(seed)
    meals = np.convolve(rng.random(days * 288) < 0.015, np.r_[np.linspace(0, 90, 8), np.linspace(90, 0, 26)])
    glucose = 125 + meals[: days * 288] + np.cumsum(rng.normal(0, 0.6, days * 288))
    glucose[rng.random(days * 288) < 0.05] = np.nan
    return Person(f"set/{seed}", 400_000 + seed, np.clip(glucose, 45, 380).round())


PEOPLE = tuple(person(seed) for seed in range(6))


@pytest.fixture(scope="module")
def found():
    return evaluate_forecast(PEOPLE, False, lambda _: None)


def test_every_model_is_stated_with_errors_and_coverage(found):
    assert set(found["models"]) == {"boosting", "persistence", "linear_extrapolation", "ridge"}
    assert all(set(metrics) == STATED for metrics in found["models"].values())
    assert found["people"] == len(PEOPLE)
    assert found["people_learned_from"] == 0
    assert json.loads(json.dumps(found)) == found


def test_errors_are_those_of_the_readings_that_followed(found):
    windows = forecast_windows(PEOPLE)
    followed = windows.change[60]
    assert found["models"]["persistence"]["rmse_60"] == pytest.approx(
        np.sqrt(np.nanmean(followed**2)), abs=1e-3
    )


def test_intervals_adapt_to_people_who_are_unlike_those_learned_from(found):
    served, constant = found["models"]["boosting"], found["models"]["persistence"]
    assert served["coverage_90_worst_decile"] > 0.8
    assert abs(served["coverage_90"] - 0.9) < abs(constant["coverage_90"] - 0.9)


def test_every_horizon_is_in_the_details(found):
    assert set(found["details"]["boosting"]) == {str(knot.horizon_min) for knot in KNOTS}
    assert all(metrics["width_mgdl"] > 0 for metrics in found["details"]["boosting"].values())


def test_questions_are_on_the_quarter_hours_and_answers_are_readings_of_then():
    one = PEOPLE[1]
    slots = question_slots(one)
    assert ((slots + one.first_slot) % 3 == 0).all()
    windows = forecast_windows([one])
    at = slots[asked_of(one)]
    later = np.minimum(at + 6, one.measured.size - 1)
    then = np.where(at + 6 < one.measured.size, one.measured[later], np.nan)
    assert windows.change[30] + windows.features["glucose_mgdl"] == pytest.approx(then, nan_ok=True)


def test_a_feature_that_knows_the_next_reading_is_caught():
    def leaking(measured, at):
        ahead = np.minimum(at + 1, measured.size - 1)
        return forecast_features(measured, at) | {"next_mgdl": np.nan_to_num(measured[ahead])}

    with pytest.raises(LeakError, match="next_mgdl"):
        check_no_look_ahead(leaking, PEOPLE, 1)
    check_no_look_ahead(forecast_features, PEOPLE, 1)


def test_nobody_with_enough_readings_is_said_and_not_scored():
    with pytest.raises(NothingToAsk):
        evaluate_forecast([Person("a/b", 0, np.full(10, 120.0))], False, lambda _: None)


def test_coverage_of_the_worst_decile_is_the_mean_of_the_tenth_of_people_covered_least():
    people = np.repeat(np.arange(20), 400)
    held = np.ones(people.size)
    held[:200], held[400:500] = 0.0, 0.0
    told = coverage_of(people, held)
    assert told["coverage_90"] == pytest.approx(1 - 300 / 8000)
    assert told["coverage_90_worst_decile"] == pytest.approx((0.5 + 0.75) / 2)
    assert own_coverage(people, held)[:2].tolist() == [0.5, 0.75]


def test_what_is_not_known_is_in_no_number():
    assert errors_of(np.array([3.0, np.nan, -4.0])) == {"rmse": pytest.approx(3.536), "mae": 3.5}
    assert errors_of(np.array([np.nan])) == {"rmse": None, "mae": None}
    unknown = coverage_of(np.zeros(2, int), np.full(2, np.nan))
    assert unknown == {"coverage_90": None, "coverage_90_worst_decile": None}
    held = inside(np.array([1.0, 5.0, np.nan]), np.array([[0.0, 2.0]] * 3))
    assert held.tolist()[:2] == [1.0, 0.0]
    assert np.isnan(held[2])


def test_rivals_that_learn_are_compared_on_people_left_out():
    pytest.importorskip("lightgbm")
    pytest.importorskip("torch")
    told = evaluate_forecast(PEOPLE, True, lambda _: None)["challengers_on_people_left_out"]
    assert set(told) == {"persistence", "linear_extrapolation", "ridge", "boosting_refitted", "network"}
    assert all(set(by_horizon) == {"30", "60", "120"} for by_horizon in told.values())
    assert all(0 < errors["rmse"] < 200 for by in told.values() for errors in by.values())


@pytest.fixture
def people_file(tmp_path):
    return written(tmp_path, PEOPLE)


def test_the_command_states_what_the_evaluation_found(people_file, found):
    told = CliRunner().invoke(main, ["evaluate", "forecast", "--data", str(people_file), "--json"])
    assert told.exit_code == 0
    assert json.loads(told.stdout)["models"] == found["models"]


@pytest.mark.parametrize(
    "arguments", [[], ["--data", "FILE", "--glucobench", "FILE"], ["--glucobench", "FILE"]]
)
def test_the_command_wants_people_or_a_benchmark_with_its_name(people_file, arguments):
    given = [str(people_file) if word == "FILE" else word for word in arguments]
    told = CliRunner().invoke(main, ["evaluate", "forecast", *given])
    assert told.exit_code == 2
    assert "--glucobench" in told.stderr
    assert not told.stdout


def test_the_command_refuses_a_file_that_is_not_of_the_benchmark(people_file):
    arguments = ["evaluate", "forecast", "--glucobench", str(people_file), "--dataset", "hall"]
    told = CliRunner().invoke(main, arguments)
    assert told.exit_code == 2
    assert people_file.name in told.stderr
