"""Short-term hypoglycaemia as it is served: the score, its parts, its interval, and when it stays silent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.assessment import Assessment, NotAssessed, Outcome, ReasonCode
from models.risk.additive_model import logistic
from models.risk.glucose_risk_features import DIRECTIONS
from models.risk.hypoglycemia import MODELS, POSITIVE_FROM, assess
from models.signals import GLUCOSE_CGM
from models.time_series import series_of
from models.training.code_hash import sha256_of_code

AS_OF = 1_750_000_000_000
MINUTE_MS = 60_000


def cgm(glucose, newest_age_min=1.0, every_min=5):
    at = AS_OF - round(newest_age_min * MINUTE_MS) - np.arange(len(glucose))[::-1] * every_min * MINUTE_MS
    return series_of(GLUCOSE_CGM, "mg/dL", at.astype(np.int64), np.asarray(glucose, float))


def wandering(seed, slots=1000):
    rng = np.random.default_rng(seed)
    return np.clip(140 + np.cumsum(rng.normal(0, 3, slots)) * 0.8, 72, 350).round()


def test_a_steep_fall_towards_the_threshold_is_a_positive_answer():
    answer = assess(cgm([*[160] * 40, 140, 122, 106, 92, 80]), AS_OF)
    assert answer.outcome is Outcome.ASSESSED_POSITIVE
    assert answer.result.within_min[60].value >= POSITIVE_FROM
    assert answer.result.reasons[0].topic == "glucose_now"
    assert "falling" in answer.result.reasons[0].text
    assert "80 mg/dL (4.4 mmol/L)" in answer.result.reasons[0].text


def test_a_steady_high_glucose_is_a_negative_answer():
    answer = assess(cgm([210] * 300), AS_OF)
    assert answer.outcome is Outcome.ASSESSED_NEGATIVE
    assert answer.result.within_min[30].value < 0.01


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_contributions_add_up_to_the_stated_probability(seed):
    answer = assess(cgm(wandering(seed)), AS_OF)
    log_odds = sum(c.points for c in answer.contributions)
    stated = answer.result.within_min[60].value
    if not answer.limits:
        assert logistic(np.array([log_odds]))[0] == pytest.approx(stated, abs=1e-12)


@pytest.mark.parametrize("term", MODELS[60].terms, ids=lambda term: term.feature)
def test_one_value_is_found_in_the_cell_of_many_values(term):
    values = np.concatenate([[np.nan, -np.inf, np.inf], term.edges, term.edges - 1e-9, term.edges + 1e-9])
    assert [term.cell(value) for value in values] == term.cells(values).tolist()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_intervals_hold_their_value_and_longer_horizons_never_have_a_lower_risk(seed):
    within = assess(cgm(wandering(seed)), AS_OF).result.within_min
    assert all(0 < i.low <= i.value <= i.high < 1 for i in within.values())
    assert within[30].value <= within[60].value <= within[120].value


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(1, 80))
def test_a_higher_newest_reading_lowers_the_points_of_the_level_now(seed, rise):
    glucose = wandering(seed)
    higher = glucose.copy()
    higher[-1] += rise
    level = ("glucose_mgdl", "in_20_min_mgdl", "in_30_min_mgdl", "in_60_min_mgdl", "minutes_to_low")
    points = [
        sum(c.points for c in assess(cgm(g), AS_OF).contributions if c.name in level)
        for g in (glucose, higher)
    ]
    assert points[1] <= points[0] + 1e-9


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(40, 200))
def test_readings_after_the_moment_of_asking_change_nothing(seed, later):
    glucose = wandering(seed)
    now = assess(cgm(glucose), AS_OF)
    series = cgm(np.append(glucose, [later, later, later]), newest_age_min=1 - 15)
    assert assess(series, AS_OF).result.within_min == now.result.within_min


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 6 * 10**10))
def test_shifting_all_time_changes_nothing(seed, shift_ms):
    series = cgm(wandering(seed))
    shifted = series_of(GLUCOSE_CGM, "mg/dL", series.at_ms + shift_ms, series.value)
    assert assess(shifted, AS_OF + shift_ms).result.within_min == assess(series, AS_OF).result.within_min


@pytest.mark.parametrize(
    ("age_min", "answered"), [(0, True), (14.9, True), (15, True), (15.1, False), (300, False)]
)
def test_a_reading_older_than_fifteen_minutes_is_not_answered(age_min, answered):
    answer = assess(cgm([120] * 300, age_min), AS_OF)
    assert isinstance(answer, Assessment) == answered
    if not answered:
        assert answer.reasons[0].code is ReasonCode.STALE


@pytest.mark.parametrize(
    ("glucose", "code"), [(69.9, ReasonCode.OUT_OF_POPULATION), (45, ReasonCode.OUT_OF_POPULATION)]
)
def test_a_glucose_already_low_is_not_answered_as_if_a_low_were_to_come(glucose, code):
    answer = assess(cgm([*[100] * 100, glucose]), AS_OF)
    assert isinstance(answer, NotAssessed)
    assert answer.reasons[0].code is code


def test_too_few_readings_of_the_last_hours_are_not_answered():
    answer = assess(cgm([120] * 23), AS_OF)
    assert answer.reasons[0].code is ReasonCode.SPARSE
    assert isinstance(assess(cgm([120] * 24), AS_OF), Assessment)


def test_without_readings_nothing_is_answered():
    assert assess(cgm([]), AS_OF).reasons[0].code is ReasonCode.MISSING


def test_a_sensor_that_reads_every_fifteen_minutes_is_answered_too():
    falling = assess(cgm([*[150] * 60, 128, 104, 82], every_min=15), AS_OF)
    assert falling.outcome is Outcome.ASSESSED_POSITIVE


def test_the_newest_reading_stands_among_the_inputs_with_its_time():
    answer = assess(cgm([120] * 300, 4), AS_OF)
    assert (answer.inputs[0].value, answer.inputs[0].at_ms) == (120.0, AS_OF - 4 * MINUTE_MS)


@pytest.mark.parametrize("horizon", [30, 60, 120])
def test_the_scorer_gives_the_librarys_own_probability_on_the_examples_of_the_file(horizon):
    model = MODELS[horizon]
    names = [term.feature for term in model.terms]
    rows = np.array([e["features"] for e in model.facts["examples"]], float)
    stated = np.array([e["probability"] for e in model.facts["examples"]])
    ours = model.probability(dict(zip(names, rows.T, strict=True)))
    np.testing.assert_allclose(ours, stated, rtol=0, atol=1e-12)


@pytest.mark.parametrize("horizon", [30, 60, 120])
def test_the_tables_only_fall_or_rise_where_physiology_says_so(horizon):
    for term in MODELS[horizon].terms:
        direction = DIRECTIONS.get(term.feature, 0)
        if direction:
            steps = np.diff(np.stack([term.points, *term.points_by_refit])[:, 1:], axis=1)
            assert (steps * direction >= -1e-9).all(), term.feature


@pytest.mark.parametrize("horizon", [30, 60, 120])
def test_each_table_says_what_it_was_made_from_and_how_it_did_on_people_left_out(horizon):
    facts = MODELS[horizon].facts
    assert len(facts["people"]) == 72
    assert facts["code_sha256"] == sha256_of_code(MODELS[horizon].name)
    (name, digest), *_ = facts["data_sha256"].items()
    assert name == "cgm_t1d_open.npz" and len(digest) == 64
    assert facts["on_people_left_out"]["ece"] <= 0.01
