"""The generated people and the comparison of detectors: seeded, labelled, and blind to the future."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.features.sampling import DAY_MS
from models.simulation.vital_signs import (
    EVENT_EVERY_DAYS,
    QUIET_DAYS,
    START_MS,
    Event,
    EventKind,
    Wearer,
    draw_events,
    illness_course,
    virtual_wearer,
)
from models.training.daily_alarms import Asked, alarms_at, at_sensitivity
from models.training.evaluate_vitals import DETECTORS, evaluate_vitals, second_system

DAYS = QUIET_DAYS + EVENT_EVERY_DAYS


@given(st.integers(0, 2**32 - 1))
def test_events_come_after_the_quiet_days_one_in_each_block(seed: int) -> None:
    events = draw_events(np.random.default_rng(seed), QUIET_DAYS + 3 * EVENT_EVERY_DAYS)
    for number, event in enumerate(events):
        block_ms = START_MS + (QUIET_DAYS + number * EVENT_EVERY_DAYS) * DAY_MS
        assert block_ms <= event.start_ms < event.end_ms < block_ms + EVENT_EVERY_DAYS * DAY_MS
    assert len(events) == 3


def test_an_illness_rises_stays_and_is_gone_at_its_end() -> None:
    event = Event(EventKind.ILLNESS, START_MS, START_MS + 6 * DAY_MS)
    at_ms = START_MS + np.array([-1, 0, 1.5, 3, 4.5, 6, 7]) * DAY_MS
    assert illness_course(at_ms, event).tolist() == [0, 0, 1, 1, 1, 0, 0]


def test_a_wearer_is_the_same_for_the_same_seed_and_silent_in_a_silence() -> None:
    wearers = [virtual_wearer(np.random.default_rng(seed), DAYS) for seed in range(12)]
    again = virtual_wearer(np.random.default_rng(0), DAYS)
    for name, series in wearers[0].series.items():
        np.testing.assert_array_equal(series.value, again.series[name].value)
    silent = [(w, e) for w in wearers for e in w.events if e.kind is EventKind.SILENCE]
    assert silent
    for wearer, event in silent:
        assert all(not len(s.between(event.start_ms, event.end_ms - 1)) for s in wearer.series.values())


@settings(max_examples=5)
@given(st.integers(0, 1000), st.integers(30, DAYS))
def test_no_detector_looks_ahead(seed: int, day: int) -> None:
    wearer, at_ms = virtual_wearer(np.random.default_rng(seed), DAYS), START_MS + day * DAY_MS
    past = Wearer({name: s.between(0, at_ms) for name, s in wearer.series.items()}, ())
    for name, detector in DETECTORS.items():
        assert detector(wearer, at_ms) == detector(past, at_ms), name


def asked(score: list[float], events: tuple[Event, ...]) -> Asked:
    """One person asked once a day from the first day on."""
    at_ms = START_MS + np.arange(len(score)) * DAY_MS
    return Asked(np.zeros(len(score), np.int64), at_ms, {"x": np.array(score)}, (events,))


def test_alarms_are_counted_as_defined() -> None:
    event = Event(EventKind.ILLNESS, START_MS + 4 * DAY_MS, START_MS + 6 * DAY_MS)
    made = asked([1, 1, 0, 1, 0, 2, 0, 0, 0, 3, 0], (event,))
    found = alarms_at(made, made.scores["x"], EventKind.ILLNESS, 1.0)
    assert (found.sensitivity, found.delay_days) == (1.0, 1.0)
    assert found.false_by_person.sum() == 3  # days 0, 3 and 9; day 1 follows too closely
    assert found.days_by_person.sum() == 6  # days 4 to 8 belong to the event


def test_the_sweep_takes_the_highest_threshold_that_finds_enough() -> None:
    event = Event(EventKind.ILLNESS, START_MS + 4 * DAY_MS, START_MS + 6 * DAY_MS)
    made = asked([3, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0], (event,))
    found = at_sensitivity(made, made.scores["x"], EventKind.ILLNESS)
    assert found is not None and found.false_by_person.sum() == 1
    missed = asked([3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], (event,))
    assert at_sensitivity(missed, missed.scores["x"], EventKind.ILLNESS) is None


def test_heart_signals_are_one_system() -> None:
    assert second_system({"heart_rate": 5, "heart_rate_resting": 4, "resp_rate": 1}) == 1
    assert second_system({"heart_rate": 5}) == 0


def test_the_evaluation_answers_for_every_detector_and_repeats_itself() -> None:
    found = evaluate_vitals(1, 4, DAYS)
    assert found == evaluate_vitals(1, 4, DAYS)
    assert set(found["models"]) == set(DETECTORS) and found["served"] in found["models"]
    assert found["patient_days"] == 4 * (DAYS - 28) and sum(found["events"].values()) == 4
    for measured in found["models"].values():
        for numbers in measured.values():
            assert 0 <= numbers["false_alarms_per_day"] <= 1


def test_a_person_without_days_after_the_baseline_cannot_be_asked() -> None:
    with pytest.raises(ValueError, match="days"):
        evaluate_vitals(1, 1, QUIET_DAYS)
