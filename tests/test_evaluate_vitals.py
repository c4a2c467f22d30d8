"""Anomalies put into vital signs, and the comparison of detectors: seeded, labelled, and blind to the future."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models import signals
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord
from models.simulation.vital_events import (
    EVENT_EVERY_DAYS,
    QUIET_DAYS,
    SCRIPTS,
    Event,
    EventKind,
    draw_events,
    event_course,
    with_event,
)
from models.simulation.vital_signs import START_MS, virtual_wearer
from models.time_series import series_of
from models.training.daily_alarms import Run, delays_days, false_alarms, threshold_of, within
from models.training.daily_alarms import given as alarms_given
from models.training.evaluate_vitals import GENERATED, evaluate_vitals, generated_people
from models.training.questions import NothingToAsk
from models.training.vital_detectors import DETECTORS, Moment

UTC = ZoneInfo("UTC")
DAYS = QUIET_DAYS + EVENT_EVERY_DAYS


def wearer(seed, days=DAYS):
    return virtual_wearer("w", np.random.default_rng(seed), days)


def an_event(kind, size=1.0):
    start_ms = START_MS + QUIET_DAYS * DAY_MS
    return Event(kind, start_ms, start_ms + int(SCRIPTS[kind].days[1] * DAY_MS), size)


def silent(_):
    """Progress that nobody reads."""


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_events_come_after_the_quiet_days_and_those_of_a_kind_are_days_apart(seed):
    events = draw_events(wearer(seed, QUIET_DAYS + 3 * EVENT_EVERY_DAYS), UTC, np.random.default_rng(seed))
    assert all(START_MS + QUIET_DAYS * DAY_MS <= e.start_ms < e.end_ms for e in events)
    for kind in EventKind:
        starts = [e.start_ms for e in events if e.kind is kind]
        assert (np.diff(starts) >= (EVENT_EVERY_DAYS - 4) * DAY_MS).all()
    assert {e.kind for e in events} == set(EventKind)


def test_an_illness_rises_stays_and_is_gone_at_its_end():
    event = Event(EventKind.ILLNESS, START_MS, START_MS + 6 * DAY_MS)
    at_ms = (START_MS + np.array([-1, 0, 1.5, 3, 4.5, 6, 7]) * DAY_MS).astype(np.int64)
    assert event_course(at_ms, event).tolist() == [0, 0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("kind", EventKind)
def test_an_event_changes_only_its_own_signals_in_its_own_time(kind):
    before, event = wearer(3), an_event(kind)
    after = with_event(before, event, UTC)
    for name, series in before.series.items():
        changed = after.series[name]
        if kind is EventKind.SILENCE:
            assert not len(changed.between(event.start_ms - 1, event.end_ms - 1))
            assert len(changed) < len(series)
        elif name in SCRIPTS[kind].shifts:
            moved = series.at_ms[changed.value != series.value]
            assert moved.size and moved.min() >= event.start_ms and moved.max() < event.end_ms
        else:
            np.testing.assert_array_equal(changed.value, series.value)


@given(st.sampled_from(EventKind), st.floats(0.1, 20))
def test_no_event_makes_a_value_that_cannot_be(kind, size):
    after = with_event(wearer(5), an_event(kind, size), UTC)
    assert all((series.value >= 0).all() for series in after.series.values())
    assert (after.series[signals.SPO2].value <= 100).all()


def test_nights_are_those_of_the_persons_clock():
    zone = ZoneInfo("Asia/Tokyo")
    before, event = wearer(3), an_event(EventKind.NIGHT_DESATURATION)
    after = with_event(before, event, zone).series[signals.SPO2]
    moved = after.at_ms[after.value != before.series[signals.SPO2].value]
    assert set(((moved // 3_600_000 + 9) % 24).tolist()) <= set(range(6))


def test_a_wearer_is_the_same_for_the_same_seed():
    for name, series in wearer(0).series.items():
        np.testing.assert_array_equal(series.value, wearer(0).series[name].value)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000), st.integers(30, DAYS))
def test_no_detector_looks_ahead(seed, day):
    record, at_ms = wearer(seed), START_MS + day * DAY_MS
    past = replace(record, series={name: s.between(0, at_ms) for name, s in record.series.items()})
    for of in DETECTORS.values():
        for name, detector in of.items():
            scores = [detector(Moment.of(one, UTC, at_ms)) for one in (record, past)]
            assert scores[0] == pytest.approx(scores[1], nan_ok=True), name


@pytest.mark.parametrize("kind", EventKind)
def test_a_large_event_of_each_kind_is_found_by_the_reviews_own_check(kind):
    event = an_event(kind, 2.0)
    record = with_event(wearer(7), event, UTC)
    own = next(iter(DETECTORS[kind].values()))
    at_ms = range(event.start_ms + 22 * 3_600_000, event.end_ms + 2 * DAY_MS, DAY_MS)
    assert max(own(Moment.of(record, UTC, at)) for at in at_ms) >= 1.0


def run(score, start_day=None):
    """One person asked once a day from the first day on."""
    at_ms = START_MS + np.arange(len(score)) * DAY_MS
    start_ms = None if start_day is None else START_MS + start_day * DAY_MS
    return Run(0, at_ms, np.array(score, float), start_ms)


def test_alarms_are_given_at_most_every_third_day_and_silence_is_none():
    assert alarms_given(np.array([1, 1, 0, 1, 0, 0, 1], bool)).tolist() == [1, 0, 0, 1, 0, 0, 1]
    cost = false_alarms([run([1, 1, 0, 1]), run([np.nan, 0, 2, 0])], 1.0)
    assert cost.alarms.tolist() == [2, 1] and cost.per_day == 3 / 8


def test_the_sweep_takes_the_highest_threshold_that_finds_enough():
    events = [run([0, 3], 0), run([2, 1], 0), run([0.5, np.nan], 0), run([np.nan], 0)]
    assert [threshold_of(events, share) for share in (0.25, 0.5, 0.75, 1.0)] == [3.0, 2.0, 0.5, None]
    assert delays_days(events, 2.0)[:2].tolist() == [1, 0] and np.isnan(delays_days(events, 2.0)[2:]).all()


@given(st.lists(st.lists(st.floats(0, 5), min_size=1, max_size=6), min_size=1, max_size=8), st.floats(0.1, 1))
def test_at_the_swept_threshold_at_least_that_share_is_found(scores, sensitivity):
    events = [run(score, 0) for score in scores]
    threshold = threshold_of(events, sensitivity)
    assume(threshold is not None)
    assert np.mean(~np.isnan(delays_days(events, threshold))) >= sensitivity - 1e-9


def test_the_evaluation_answers_for_every_detector_and_repeats_itself():
    people = generated_people(1, 2, DAYS)
    found = evaluate_vitals(people, 1, GENERATED, silent)
    assert found == evaluate_vitals(people, 1, GENERATED, silent)
    assert set(found["models"]) == {name for of in DETECTORS.values() for name in of}
    assert found["served"] in found["models"] and found["source"] == GENERATED
    for by_kind in found["models"].values():
        for numbers in by_kind.values():
            assert 0 <= numbers["false_alarms_per_day"] <= 1
    for by_kind in found["alarm_curves"].values():
        for points in by_kind.values():
            assert np.diff([share for _, share in points]).min(initial=0) >= 0


def test_a_kind_that_no_signal_shows_is_said_not_to_be_asked():
    steps = [
        replace(one, series={"steps_per_day": one.series["steps_per_day"]})
        for one in generated_people(1, 2, DAYS)
    ]
    found = evaluate_vitals(steps, 1, GENERATED, silent)
    assert found["events"]["fast_heart"] == 0 and "heart_rate" in found["not_asked"]["fast_heart"]
    kind = "activity_or_sleep_collapse"
    idle = {name: of.get(kind) for name, of in found["models"].items()}
    assert idle["own_baseline"]["assessed_share"] == 0  # totals alone: nothing tells of wear
    assert idle["fixed_thresholds_if_worn"]["assessed_share"] == 0
    assert idle["fixed_thresholds"]["assessed_share"] > 0.7


def test_quarter_hours_of_steps_show_the_wear_and_a_collapse_among_them_is_found():
    people = [walker(seed) for seed in range(3)]
    found = evaluate_vitals(people, 1, GENERATED, silent)["models"]["own_baseline"]
    collapse = found["activity_or_sleep_collapse"]
    assert collapse["assessed_share"] > 0.9 and collapse["sensitivity"] > 0.8
    assert collapse["false_alarms_per_day"] <= 0.02


def walker(seed):
    """One person with a step counter alone: a count for every quarter of an hour with a walk, 07:00 to 22:00."""
    rng = np.random.default_rng(seed)
    minute = np.arange(DAYS * 4 * 24) * 15
    walks = (minute // 60 % 24 >= 7) & (minute // 60 % 24 < 22) & (rng.random(minute.size) < 0.7)
    at_ms = START_MS + minute[walks] * 60_000
    steps = series_of(signals.STEPS, "{steps}", at_ms, rng.gamma(2.0, 80.0, at_ms.size).round() + 1)
    return PatientRecord(f"walker/{seed}", zone="UTC", series={signals.STEPS: steps})


def test_who_walks_less_leaves_whole_walks_out():
    before, event = walker(1), an_event(EventKind.INACTIVITY)
    after = with_event(before, event, UTC).series[signals.STEPS]
    steps = before.series[signals.STEPS]
    assert len(after) == np.count_nonzero(np.isin(steps.at_ms, after.at_ms))
    gone = 1 - len(after.between(event.start_ms, event.end_ms)) / len(
        steps.between(event.start_ms, event.end_ms)
    )
    assert gone == pytest.approx(0.6, abs=0.1)
    assert len(steps) - len(after) == len(steps.between(event.start_ms - 1, event.end_ms - 1)) - len(
        after.between(event.start_ms - 1, event.end_ms - 1)
    )


def test_at_equal_delay_only_the_questions_of_the_first_days_count():
    events = [run([0, 1, 5], 0), run([3, 0, 0], 0)]
    assert [one.score.tolist() for one in within(events, 1)] == [[0, 1], [3, 0]]
    assert threshold_of(within(events, 1), 1.0) == 1.0 and threshold_of(events, 1.0) == 3.0


def test_a_person_without_days_after_the_baseline_cannot_be_asked():
    with pytest.raises(NothingToAsk, match="weeks"):
        evaluate_vitals(generated_people(1, 1, QUIET_DAYS), 1, GENERATED, silent)
