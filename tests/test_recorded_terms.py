"""What is recorded beside CGM, as the risks of the next hours and of tonight use it: the laws of the terms."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import signals
from models.risk import nocturnal_hypoglycemia
from models.risk.additive_model import logistic
from models.risk.episode_risk import LEADING_MIN
from models.risk.hyperglycemia import HYPERGLYCEMIA
from models.risk.hypoglycemia import HYPOGLYCEMIA
from models.risk.recorded_points import FULL_UP_TO, NOTHING_FROM, RecordedPoints
from models.risk.recorded_terms import (
    CARBS,
    DAYS,
    FEWEST_DAYS,
    HEART_RATE,
    HOUR_MS,
    INSULIN,
    NOTHING_RECORDED,
    OF_NEXT_HOURS,
    OF_TONIGHT,
    RAISES_A_LOW,
    STEPS,
    STEPS_OF_EVENING,
    Recorded,
)
from models.signals import GLUCOSE_CGM
from models.time_series import series_of
from models.training.code_hash import sha256_of_code
from models.training.fit_recorded import NO_DATA

DAY_MS = 24 * HOUR_MS
BEDTIME = int(datetime(2026, 3, 10, 22, 30, tzinfo=UTC).timestamp() * 1000)
UNITS = {
    signals.INSULIN_BOLUS: "[iU]",
    signals.CARBS: "g",
    signals.STEPS: "{steps}",
    signals.HEART_RATE: "/min",
}
SIGNAL = {
    INSULIN: signals.INSULIN_BOLUS,
    CARBS: signals.CARBS,
    STEPS: signals.STEPS,
    STEPS_OF_EVENING: signals.STEPS,
    HEART_RATE: signals.HEART_RATE,
}
SIGN = {HYPOGLYCEMIA.name: 1, HYPERGLYCEMIA.name: -1}
both = pytest.mark.parametrize("model", [HYPOGLYCEMIA, HYPERGLYCEMIA], ids=lambda model: model.name)
every_table = pytest.mark.parametrize(
    ("owner", "points"),
    [
        *((m.name, points) for m in (HYPOGLYCEMIA, HYPERGLYCEMIA) for points in m.recorded.values()),
        ("tonight", RecordedPoints.of(nocturnal_hypoglycemia.TABLE.facts["recorded_terms"])),
    ],
)


def entries(signal, newest, days=10, minutes_ago=45, usual=2000.0):
    """One entry a day at this distance from the question, the newest of another value."""
    at = BEDTIME - minutes_ago * 60_000 - np.arange(days)[::-1] * DAY_MS
    return series_of(signal, UNITS[signal], at, np.append(np.full(days - 1, usual), newest))


def beside(**newest):
    """A record of these signals; boluses of 10 units, meals of 100 g and 2,000 steps on other days."""
    usual = {signals.INSULIN_BOLUS: 10.0, signals.CARBS: 100.0, signals.STEPS: 2000.0}
    return Recorded({name: entries(name, value, usual=usual[name]) for name, value in newest.items()})


def glucose(level=140.0, seed=3):
    wander = np.cumsum(np.random.default_rng(seed).normal(0, 2, DAYS * 288)) * 0.2
    value = np.clip(level + wander - wander[-1], 75, 245)
    at = BEDTIME - 60_000 - np.arange(value.size)[::-1] * 5 * 60_000
    return series_of(GLUCOSE_CGM, "mg/dL", at, value)


def asked(model, recorded=NOTHING_RECORDED, level=140.0):
    return model.assess(glucose(level), BEDTIME, "UTC", recorded)


def tonight(recorded=NOTHING_RECORDED):
    return nocturnal_hypoglycemia.assess(glucose(), BEDTIME, "UTC", recorded)


@both
def test_where_nothing_is_recorded_the_scores_are_those_of_the_cgm_tables_bit_for_bit(model):
    answer = asked(model)
    for horizon, table in model.tables.items():
        features = {c.name: np.array([np.nan if c.value is None else c.value]) for c in answer.contributions}
        alone = table.interval(features)
        assert answer.result.within_min[horizon] == alone or answer.limits
    assert all(c.value is None and c.points == 0 for c in answer.contributions if c.name in OF_NEXT_HOURS)
    assert [used.name for used in answer.inputs] == [GLUCOSE_CGM]


def test_tonight_is_that_of_the_cgm_table_bit_for_bit_where_nothing_is_recorded():
    answer = tonight()
    features = {c.name: np.array([np.nan if c.value is None else c.value]) for c in answer.contributions}
    assert answer.result.tonight == nocturnal_hypoglycemia.TABLE.interval(features)
    assert [used.name for used in answer.inputs] == [GLUCOSE_CGM]


@every_table
def test_missing_has_no_points_and_every_table_moves_as_physiology_says(owner, points):
    assert set(points.names) == set(OF_TONIGHT if owner == "tonight" else OF_NEXT_HOURS)
    for term in points.terms:
        table = np.column_stack([term.points, term.points_by_refit])
        assert not table[0].any()
        way = SIGN.get(owner, 1) * RAISES_A_LOW[term.features[0]]
        assert (np.diff(table[1:], axis=0) * way >= 0).all()


@every_table
def test_together_the_terms_stay_below_what_they_fade_over(owner, points):
    if owner != "tonight":
        most = sum(np.abs(term.points).max() for term in points.terms)
        assert most < NOTHING_FROM - FULL_UP_TO


@both
def test_a_term_without_data_is_named_with_that_and_moves_nothing(model):
    facts = nocturnal_hypoglycemia.TABLE.facts["recorded_terms"]
    assert {t["learned"] for t in facts if t["feature"] == HEART_RATE} == {NO_DATA}
    at = BEDTIME - np.arange(5 * 24 * 12)[::-1] * 5 * 60_000
    beats = series_of(
        signals.HEART_RATE, "/min", at, np.append(np.full(at.size - 12, 60.0), np.full(12, 140.0))
    )
    answer = asked(model, Recorded({signals.HEART_RATE: beats}))
    found = next(c for c in answer.contributions if c.name == HEART_RATE)
    assert (found.value, found.points) == (pytest.approx(80.0), 0.0)
    assert answer.result == asked(model).result
    assert [used.name for used in answer.inputs] == [GLUCOSE_CGM]


def test_insulin_yet_to_act_and_a_walk_raise_the_risk_of_a_low_and_are_named_with_their_values():
    alone = asked(HYPOGLYCEMIA).result.within_min[LEADING_MIN].value
    dosed = asked(HYPOGLYCEMIA, beside(insulin_bolus=20.0))
    walked = asked(HYPOGLYCEMIA, beside(steps=9000.0))
    assert dosed.result.within_min[LEADING_MIN].value > alone < walked.result.within_min[LEADING_MIN].value
    assert [used.name for used in dosed.inputs] == [GLUCOSE_CGM, signals.INSULIN_BOLUS]
    assert (dosed.inputs[1].value, dosed.inputs[1].at_ms) == (20.0, BEDTIME - 45 * 60_000)
    reason = next(r for r in dosed.result.reasons if r.topic == "insulin_food_and_activity")
    assert reason.raises and "bolus insulin yet to act is 1" in reason.text


def test_food_just_eaten_raises_the_risk_of_a_high_and_lowers_that_of_a_low_tonight():
    eaten = beside(carbs=200.0)
    high, alone = (asked(HYPERGLYCEMIA, r).result.within_min[LEADING_MIN].value for r in (eaten, beside()))
    assert high > alone
    assert tonight(eaten).result.tonight.value < tonight().result.tonight.value


def test_what_is_recorded_says_less_the_likelier_cgm_makes_an_episode():
    def moved(level):
        answer = asked(HYPOGLYCEMIA, beside(insulin_bolus=20.0), level)
        return next(c.points for c in answer.contributions if c.name == INSULIN)

    assert moved(180.0) > moved(85.0) >= 0


@both
@settings(max_examples=25, deadline=None)
@given(
    st.fixed_dictionaries({}, optional={
        "insulin_bolus": st.floats(0.1, 60), "carbs": st.floats(1, 400), "steps": st.floats(0, 20_000),
    })
)  # fmt: skip
def test_the_contributions_add_up_with_what_is_recorded(model, newest):
    answer = asked(model, beside(**newest))
    log_odds = sum(c.points for c in answer.contributions)
    stated = answer.result.within_min[LEADING_MIN]
    if not answer.limits:
        assert logistic(np.array([log_odds]))[0] == pytest.approx(stated.value, abs=1e-12)
    assert 0 < stated.low <= stated.value <= stated.high < 1
    night = tonight(beside(**newest))
    points = sum(c.points for c in night.contributions)
    assert logistic(np.array([points]))[0] == pytest.approx(night.result.tonight.value, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(SIGNAL)),
    st.lists(st.integers(-20 * 24 * 60, 24 * 60), min_size=1, max_size=60),
)
def test_nothing_later_than_the_question_is_read(name, minutes):
    signal = SIGNAL[name]
    at = np.sort(BEDTIME + np.array(minutes, np.int64) * 60_000)
    everything = series_of(signal, UNITS[signal], at, np.full(at.size, 50.0))
    seen = everything.take(at <= BEDTIME)
    one, other = (Recorded({signal: series}) for series in (everything, seen))
    features, of_other = one.features([name], BEDTIME), other.features([name], BEDTIME)
    np.testing.assert_array_equal(features[name], of_other[name])
    assert one.newest(features, BEDTIME) == other.newest(of_other, BEDTIME)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([INSULIN, CARBS, STEPS, STEPS_OF_EVENING]), st.integers(1, DAYS))
def test_a_usual_day_is_known_from_three_recorded_days(name, days):
    recorded = Recorded({SIGNAL[name]: entries(SIGNAL[name], 2000.0, days)})
    assert np.isnan(recorded.features([name], BEDTIME)[name][0]) == (days < FEWEST_DAYS)


@pytest.mark.parametrize("name", [INSULIN, CARBS, STEPS, STEPS_OF_EVENING])
def test_a_diary_that_was_not_kept_today_is_unknown_and_not_a_fast(name):
    old = entries(SIGNAL[name], 2000.0, minutes_ago=24 * 60 + 1)
    assert np.isnan(Recorded({SIGNAL[name]: old}).features([name], BEDTIME)[name][0])


def test_steps_counted_over_half_a_day_do_not_tell_of_the_last_hours():
    short = entries(signals.STEPS, 9000.0)
    fields = {f: getattr(short, f) for f in short.__dataclass_fields__}
    long = type(short)(**fields | {"until_ms": short.at_ms + 12 * HOUR_MS})
    assert np.isnan(Recorded({signals.STEPS: long}).features([STEPS], BEDTIME + DAY_MS)[STEPS][0])


def test_insulin_on_board_is_what_the_action_curve_leaves_of_the_boluses():
    recorded = Recorded(
        {signals.INSULIN_BOLUS: entries(signals.INSULIN_BOLUS, 10.0, usual=10.0, minutes_ago=1)}
    )
    assert recorded.features([INSULIN], BEDTIME)[INSULIN][0] == pytest.approx(100.0, abs=0.1)
    later = recorded.features([INSULIN], BEDTIME + 7 * HOUR_MS)[INSULIN][0]
    assert later == 0.0


def test_the_terms_are_not_older_than_their_code():
    import json
    from importlib.resources import files

    facts = json.loads((files("models.risk") / "recorded_points.json").read_text())
    assert facts["code_sha256"] == sha256_of_code("recorded_points")
    for own in facts["models"].values():
        assert {t["feature"]: t["learned"] for t in own["recorded_terms"]}[HEART_RATE] == NO_DATA
        assert own["recorded_on_people_left_out"]["people"] >= 5


def test_without_terms_beside_a_table_nothing_is_added():
    none = RecordedPoints()
    of_cgm = HYPOGLYCEMIA.tables[LEADING_MIN].log_odds(
        {c.name: np.array([np.nan]) for c in asked(HYPOGLYCEMIA).contributions}
    )
    assert none.added_to(of_cgm, {}) == of_cgm
    assert none.contributions({}, of_cgm) == () and none.learned == ()
