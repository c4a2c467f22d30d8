"""Lows and highs of the next hours as they are served: the score, its parts, its interval, the silence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.assessment import Assessment, NotAssessed, Outcome, ReasonCode
from models.risk.additive_model import logistic
from models.risk.episode_risk import HORIZONS_MIN, LEADING_MIN
from models.risk.glucose_risk_features import DIRECTIONS
from models.risk.hyperglycemia import HYPERGLYCEMIA
from models.risk.hypoglycemia import HYPOGLYCEMIA
from models.risk.recorded_terms import OF_NEXT_HOURS
from models.risk.short_term_features import HIGH_DIRECTIONS
from models.signals import GLUCOSE_CGM
from models.time_series import series_of
from models.training.code_hash import sha256_of_code

AS_OF = 1_750_000_000_000
MINUTE_MS = 60_000
ZONE = "Europe/Berlin"

both = pytest.mark.parametrize("model", [HYPOGLYCEMIA, HYPERGLYCEMIA], ids=lambda model: model.name)
every_table = pytest.mark.parametrize(
    "table",
    [table for model in (HYPOGLYCEMIA, HYPERGLYCEMIA) for table in model.tables.values()],
    ids=lambda table: table.name,
)
DIRECTION = {HYPOGLYCEMIA.name: DIRECTIONS, HYPERGLYCEMIA.name: HIGH_DIRECTIONS}


def cgm(glucose, newest_age_min=1.0, every_min=5):
    at = AS_OF - round(newest_age_min * MINUTE_MS) - np.arange(len(glucose))[::-1] * every_min * MINUTE_MS
    return series_of(GLUCOSE_CGM, "mg/dL", at.astype(np.int64), np.asarray(glucose, float))


def wandering(seed, slots=1000):
    rng = np.random.default_rng(seed)
    return np.clip(140 + np.cumsum(rng.normal(0, 3, slots)) * 0.8, 72, 249).round()


def asked(model, glucose, **when):
    return model.assess(cgm(glucose, **when), AS_OF, ZONE)


def test_a_steep_fall_towards_the_threshold_is_a_positive_answer():
    answer = asked(HYPOGLYCEMIA, [*[160] * 40, 140, 122, 106, 92, 80])
    assert answer.outcome is Outcome.ASSESSED_POSITIVE
    assert answer.result.within_min[60].value >= HYPOGLYCEMIA.positive_from
    assert answer.result.reasons[0].topic == "glucose_now"
    assert "falling" in answer.result.reasons[0].text
    assert "80 mg/dL (4.4 mmol/L)" in answer.result.reasons[0].text


def test_a_steep_rise_towards_250_is_a_positive_answer():
    answer = asked(HYPERGLYCEMIA, [*[150] * 40, 170, 188, 206, 224, 240])
    assert answer.outcome is Outcome.ASSESSED_POSITIVE
    assert answer.result.reasons[0].topic == "glucose_now"
    assert "rising" in answer.result.reasons[0].text


@pytest.mark.parametrize(("model", "level"), [(HYPOGLYCEMIA, 210), (HYPERGLYCEMIA, 100)])
def test_a_steady_glucose_far_from_the_threshold_is_a_negative_answer(model, level):
    answer = asked(model, [level] * 300)
    assert answer.outcome is Outcome.ASSESSED_NEGATIVE
    assert answer.result.within_min[30].value < 0.01


@both
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_contributions_add_up_to_the_stated_probability(model, seed):
    answer = asked(model, wandering(seed))
    log_odds = sum(c.points for c in answer.contributions)
    stated = answer.result.within_min[60].value
    if not answer.limits:
        assert logistic(np.array([log_odds]))[0] == pytest.approx(stated, abs=1e-12)


@both
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_intervals_hold_their_value_and_no_end_of_one_is_lower_at_a_longer_horizon(model, seed):
    within = asked(model, wandering(seed)).result.within_min
    assert all(0 < i.low <= i.value <= i.high < 1 for i in within.values())
    for end in ("low", "value", "high"):
        assert getattr(within[30], end) <= getattr(within[60], end) <= getattr(within[120], end)


@both
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(40, 200))
def test_readings_after_the_moment_of_asking_change_nothing(model, seed, later):
    glucose = wandering(seed)
    now = asked(model, glucose)
    answer = asked(model, np.append(glucose, [later, later, later]), newest_age_min=1 - 15)
    assert answer.result.within_min == now.result.within_min


@both
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 6 * 10**10))
def test_without_a_time_zone_shifting_all_time_changes_nothing(model, seed, shift_ms):
    series = cgm(wandering(seed))
    shifted = series_of(GLUCOSE_CGM, "mg/dL", series.at_ms + shift_ms, series.value)
    now = model.assess(series, AS_OF, None)
    assert model.assess(shifted, AS_OF + shift_ms, None).result.within_min == now.result.within_min


@both
def test_the_hour_of_the_day_is_that_of_the_patients_zone_and_unknown_without_one(model):
    def hour(zone):
        answer = model.assess(cgm([150] * 300), AS_OF, zone)
        return next(c.value for c in answer.contributions if c.name == "hour_of_day")

    assert hour("UTC") == pytest.approx(15 + 1 / 12)
    assert hour("Asia/Tokyo") == pytest.approx(0 + 1 / 12)
    assert hour(None) is None


@both
@pytest.mark.parametrize(
    ("age_min", "answered"), [(0, True), (14.9, True), (15, True), (15.1, False), (300, False)]
)
def test_a_reading_older_than_fifteen_minutes_is_not_answered(model, age_min, answered):
    answer = asked(model, [120] * 300, newest_age_min=age_min)
    assert isinstance(answer, Assessment) == answered
    if not answered:
        assert answer.reasons[0].code is ReasonCode.STALE


@pytest.mark.parametrize(
    ("model", "glucose"),
    [(HYPOGLYCEMIA, 69.9), (HYPOGLYCEMIA, 45), (HYPERGLYCEMIA, 250.1), (HYPERGLYCEMIA, 400)],
)
def test_an_episode_under_way_is_not_answered_as_if_one_were_to_come(model, glucose):
    answer = asked(model, [*[100] * 100, glucose])
    assert isinstance(answer, NotAssessed)
    assert answer.reasons[0].code is ReasonCode.OUT_OF_POPULATION
    assert "already" in answer.reasons[0].text


@both
def test_too_few_readings_of_the_last_hours_are_not_answered(model):
    assert asked(model, [120] * 23).reasons[0].code is ReasonCode.SPARSE
    assert isinstance(asked(model, [120] * 24), Assessment)
    assert asked(model, []).reasons[0].code is ReasonCode.MISSING


@both
def test_a_sensor_that_reads_every_fifteen_minutes_is_answered_too(model):
    assert isinstance(asked(model, [*[150] * 60, 128, 104, 82], every_min=15), Assessment)


@both
def test_the_newest_reading_stands_among_the_inputs_with_its_time(model):
    answer = asked(model, [120] * 300, newest_age_min=4)
    assert (answer.inputs[0].value, answer.inputs[0].at_ms) == (120.0, AS_OF - 4 * MINUTE_MS)


def examples_of(table):
    rows = np.array([e["features"] for e in table.facts["examples"]], float)
    return dict(zip(table.lookup.features, rows.T, strict=True))


@every_table
def test_the_scorer_gives_the_librarys_own_probability_on_the_examples_of_the_file(table):
    stated = np.array([e["probability"] for e in table.facts["examples"]])
    np.testing.assert_allclose(table.probability(examples_of(table)), stated, rtol=0, atol=1e-12)


@every_table
def test_one_look_up_of_a_moment_gives_what_its_tables_give_one_by_one(table):
    rows = examples_of(table)
    for row, expected in enumerate(table.probability(rows)):
        moment = {name: column[row : row + 1] for name, column in rows.items()}
        assert table.interval(moment).value == pytest.approx(expected, abs=1e-12)


@every_table
def test_the_refits_average_to_the_table_that_is_served(table):
    for term in table.terms:
        np.testing.assert_allclose(term.points_by_refit.mean(axis=-1), term.points, atol=2e-6)


@every_table
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_score_only_falls_or_rises_where_physiology_says_so(table, data):
    directions = DIRECTION[table.name.rsplit("_", 1)[0]]
    rows = examples_of(table)
    name = data.draw(st.sampled_from(sorted(directions)))
    moment = {n: column[[data.draw(st.integers(0, column.size - 1))]] for n, column in rows.items()}
    edges = table.lookup.edges[table.lookup.features.index(name)]
    if not edges.size:
        return
    low, high = sorted(data.draw(st.floats(edges[0] - 1, edges[-1] + 1)) for _ in range(2))
    at = [table.probability(moment | {name: np.array([value])})[0] for value in (low, high)]
    assert (at[1] - at[0]) * directions[name] >= -1e-4


@every_table
def test_each_table_says_what_it_was_made_from_and_how_it_did_on_people_left_out(table):
    facts = table.facts
    assert len(facts["people"]) == 72
    assert facts["code_sha256"] == sha256_of_code(table.name)
    (name, digest), *_ = facts["data_sha256"].items()
    assert name == "cgm_t1d_open.npz" and len(digest) == 64
    assert facts["on_people_left_out"]["ece"] <= 0.01


@both
def test_every_feature_belongs_to_exactly_one_topic(model):
    features = model.seen(np.full(40, 100.0), np.array([39]), None)
    named = [name for topic in model.topics for name in topic.sentences]
    assert sorted(named) == sorted([*features, *OF_NEXT_HOURS])
    assert set(DIRECTION[model.name]) <= set(features)
    assert model.tables[LEADING_MIN].lookup.features == tuple(features)
    assert tuple(model.tables) == HORIZONS_MIN
