"""Leaks planted into every evaluation, each of which must be caught: the future in a feature, a person twice."""

from dataclasses import replace
from functools import partial
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.risk.causal_grid import SLOTS_PER_DAY
from models.training import evaluate as door
from models.training import forecast_evaluation, nocturnal_evaluation, nocturnal_windows
from models.training.cgm_people import Person
from models.training.forecast_evaluation import evaluate_forecast
from models.training.forecast_windows import forecast_windows, question_slots
from models.training.patient_folds import FOLDS, LeakError
from models.training.short_term_evaluation import JUDGED
from models.training.short_term_events import EVENTS
from models.training.short_term_windows import windows_of


def person(seed, days=16):
    """Waves from 50 to 330 mg/dL with short gaps, so that there are lows, highs and nights to ask about."""
    rng = np.random.default_rng(seed)
    slots = np.arange(days * SLOTS_PER_DAY)
    glucose = 150 + 85 * np.sin(slots / (29 + seed)) + 25 * np.sin(slots / 7) + rng.normal(0, 5, slots.size)
    glucose[np.convolve(rng.random(slots.size) < 0.02, np.ones(2))[: slots.size] > 0] = np.nan
    glucose[[0, -1]] = 150
    return Person(f"made/{seed}", 1_000_000 + 7 * seed, np.clip(glucose, 45, 330).round())


PEOPLE = [person(seed) for seed in range(5)]


def knows_the_next_half_hour(features):
    def leaking(measured, at, *more):
        found = features(measured, at, *more)
        later = measured[np.minimum(at + 6, measured.size - 1)]
        return found | {"glucose_mgdl": np.where(np.isnan(later), found["glucose_mgdl"], later)}

    return leaking


def fills_gaps_from_both_ends(features):
    def leaking(measured, at, *more):
        known = np.flatnonzero(~np.isnan(measured))
        return features(np.interp(np.arange(measured.size), known, measured[known]), at, *more)

    return leaking


def evaluated(task):
    if task == "forecast":
        return evaluate_forecast(PEOPLE, False, lambda _: None)
    return door.EVALUATIONS[task](PEOPLE, False, 5, lambda _: None)


def planted(monkeypatch, task, plant):
    """The task's own features with a leak in them, wherever the task takes them from."""
    if task in JUDGED:
        event = JUDGED[task].event
        judged = replace(JUDGED[task], event=replace(event, features=plant(event.features)))
        monkeypatch.setitem(door.EVALUATIONS, task, partial(door._short_term, judged))
    elif task == "nocturnal":
        leaking = plant(nocturnal_evaluation.nocturnal_features)
        monkeypatch.setattr(nocturnal_evaluation, "nocturnal_features", leaking)
        monkeypatch.setattr(nocturnal_windows, "nocturnal_features", leaking)
    else:
        leaking = plant(forecast_evaluation.forecast_features)
        monkeypatch.setattr(forecast_evaluation, "forecast_features", leaking)
        monkeypatch.setattr("models.training.forecast_windows.forecast_features", leaking)


TASKS = ("hypoglycemia", "hyperglycemia", "nocturnal", "forecast")


@pytest.mark.parametrize("task", TASKS)
def test_an_honest_evaluation_is_believed(task):
    assert evaluated(task)["windows"] > 0


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("plant", [knows_the_next_half_hour, fills_gaps_from_both_ends])
def test_a_leak_planted_into_the_features_of_a_task_stops_its_evaluation(monkeypatch, task, plant):
    planted(monkeypatch, task, plant)
    with pytest.raises(LeakError, match=r"know the future: .*glucose_mgdl"):
        evaluated(task)


def knows_the_next_reading_by_the_clock(features):
    def leaking(measured, at, first_slot):
        found = features(measured, at, first_slot)
        later = measured[np.minimum(at + 1, measured.size - 1)]
        hour = found["hour_of_day"]
        return found | {"hour_of_day": np.where(np.isnan(later), hour, hour + (later > 120))}

    return leaking


@pytest.mark.parametrize("task", JUDGED)
def test_a_leak_into_a_feature_of_the_hour_is_caught_as_well(monkeypatch, task):
    planted(monkeypatch, task, knows_the_next_reading_by_the_clock)
    with pytest.raises(LeakError, match="hour_of_day"):
        evaluated(task)


def cut(one, length):
    return replace(one, measured=one.measured[:length])


MISSING = np.flatnonzero(np.isnan(PEOPLE[0].measured))
CUTS = st.sampled_from((MISSING[MISSING > SLOTS_PER_DAY] + 1).tolist())


def same(whole, known):
    for name in known:
        np.testing.assert_allclose(whole[name][: known[name].size], known[name], atol=1e-6, err_msg=name)


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
@settings(max_examples=20, deadline=None)
@given(length=CUTS)
def test_questions_of_lows_and_highs_are_the_same_where_the_record_ends_in_a_gap(event, length):
    whole, known = windows_of(PEOPLE[:1], event), windows_of([cut(PEOPLE[0], length)], event)
    assert known.slot.tolist() == whole.slot[whole.slot < PEOPLE[0].first_slot + length].tolist()
    same(whole.features, known.features)


@settings(max_examples=20, deadline=None)
@given(length=CUTS)
def test_questions_of_the_forecast_are_the_same_where_the_record_ends_in_a_gap(length):
    whole, known = forecast_windows(PEOPLE[:1]), forecast_windows([cut(PEOPLE[0], length)])
    before = question_slots(PEOPLE[0])[whole.asked] < length
    assert known.asked.tolist() == whole.asked[before].tolist()
    same(whole.features, known.features)


@settings(max_examples=10, deadline=None)
@given(night=st.integers(0, 13), later_mgdl=st.integers(60, 250))
def test_a_night_asked_about_in_a_gap_is_the_same_whatever_is_read_after_it(night, later_mgdl):
    asked = nocturnal_windows.nights_of(PEOPLE[0], nocturnal_windows.ASKED_MIN)[night]
    measured = PEOPLE[0].measured.copy()
    measured[asked : asked + 2] = np.nan
    other = np.where(np.isnan(measured), np.nan, later_mgdl)
    other[:asked] = measured[:asked]
    one, same_till_then = (
        nocturnal_windows.task_of([replace(PEOPLE[0], measured=of)]) for of in (measured, other)
    )
    assert one.questions.slot[night] == PEOPLE[0].first_slot + asked
    for name, column in one.features.items():
        then = same_till_then.features[name][: night + 1]
        np.testing.assert_allclose(column[: night + 1], then, atol=1e-6, err_msg=name)


class SplitByQuestion:
    """Folds in which every person's questions are on both sides of each split."""

    def __getitem__(self, person):
        return np.arange(person.size) % FOLDS


@pytest.mark.parametrize(
    ("task", "module"),
    [
        ("hypoglycemia", "artefact"),
        ("hypoglycemia", "challenge"),
        ("hypoglycemia", "recurrent"),
        ("nocturnal", "artefact"),
        ("nocturnal", "challenge"),
        ("nocturnal", "recurrent"),
        ("forecast", "forecast_challenge"),
        ("forecast", "forecast_train"),
    ],
)
def test_a_split_with_a_person_on_both_sides_is_caught_before_anything_is_learned(monkeypatch, task, module):
    for library in ("lightgbm", "torch", "sklearn", "interpret"):
        pytest.importorskip(library, reason="needs the extra `train`")
    learning = import_module(f"models.training.{module}")
    monkeypatch.setattr(learning, "fold_of_people", lambda *_: SplitByQuestion())
    with pytest.raises(LeakError, match="5 people are in training and in test"):
        learned(monkeypatch, task, module)


def learned(monkeypatch, task, module):
    """Asks the one algorithm whose split is planted; its neighbours would only take time."""
    if module == "challenge":
        monkeypatch.setattr("models.training.challenge.out_of_fold", lambda *_: np.empty(0))
    if module == "recurrent":
        monkeypatch.setattr("models.training.challenge.challenge", lambda *_: {})
    if module == "forecast_train":
        from models.training.forecast_fit import Settings
        from models.training.forecast_train import _tuned

        _tuned(forecast_windows(PEOPLE), Settings(), lambda _: None)
    elif task == "forecast":
        evaluate_forecast(PEOPLE, True, lambda _: None)
    else:
        door.EVALUATIONS[task](PEOPLE, True, 5, lambda _: None)
