"""Nocturnal hypoglycaemia as it is served: asked in the evening, on the patient's clock, from CGM alone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.assessment import Assessment, NotAssessed, ReasonCode
from models.risk.additive_model import logistic
from models.risk.causal_grid import SLOTS_PER_DAY
from models.risk.nocturnal_features import DIRECTIONS, nights, nocturnal_features
from models.risk.nocturnal_hypoglycemia import TABLE, WITH_RECORDED, assess, slots_to_midnight
from models.risk.nocturnal_reasons import TOPICS
from models.risk.recorded_terms import OF_TONIGHT
from models.signals import GLUCOSE_CGM
from models.time_series import series_of
from models.training.code_hash import sha256_of_code

ZONE = "Europe/Madrid"
MINUTE_MS = 60_000


def local_ms(text, zone=ZONE):
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


BEDTIME = local_ms("2026-03-10T23:00")


def cgm(glucose, newest_ms=BEDTIME - MINUTE_MS):
    at = newest_ms - np.arange(len(glucose))[::-1] * 5 * MINUTE_MS
    return series_of(GLUCOSE_CGM, "mg/dL", at.astype(np.int64), np.asarray(glucose, float))


def days_with_low_nights(days, low_nights):
    """Days of 140 mg/dL that end at 23:00, with half an hour at 60 at 03:00 of the newest nights."""
    glucose = np.full(days * SLOTS_PER_DAY, 140.0)
    for night in range(low_nights):
        start = glucose.size - 20 * 12 - night * SLOTS_PER_DAY
        glucose[start : start + 6] = 60.0
    return glucose


def test_nights_with_lows_before_raise_the_risk_of_tonight_and_are_told():
    quiet = assess(cgm(days_with_low_nights(14, 0)), BEDTIME, ZONE)
    troubled = assess(cgm(days_with_low_nights(14, 8)), BEDTIME, ZONE)
    assert troubled.result.tonight.value > 2 * quiet.result.tonight.value
    assert any(reason.raises for reason in troubled.result.reasons)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_contributions_add_up_and_the_interval_holds_the_value(seed):
    glucose = np.clip(140 + np.cumsum(np.random.default_rng(seed).normal(0, 3, 3000)) * 0.5, 45, 350)
    answer = assess(cgm(glucose), BEDTIME, ZONE)
    tonight = answer.result.tonight
    log_odds = sum(c.points for c in answer.contributions)
    assert logistic(np.array([log_odds]))[0] == pytest.approx(tonight.value, abs=1e-12)
    assert 0 < tonight.low <= tonight.value <= tonight.high < 1


@pytest.mark.parametrize(
    ("clock", "answered"), [("20:59", False), ("21:00", True), ("23:59", True), ("00:30", False)]
)
def test_tonight_is_answered_in_the_evening_of_the_patients_clock(clock, answered):
    as_of = local_ms(f"2026-03-10T{clock}")
    answer = assess(cgm(days_with_low_nights(7, 2), as_of), as_of, ZONE)
    assert isinstance(answer, Assessment) == answered
    if not answered:
        assert answer.reasons[0].about == "time_of_day"


@pytest.mark.parametrize(("clock", "slots"), [("23:00", 12), ("21:00", 36), ("23:58", 0), ("22:58", 12)])
def test_midnight_is_counted_in_slots_of_the_patients_clock(clock, slots):
    assert slots_to_midnight(local_ms(f"2026-03-10T{clock}"), ZoneInfo(ZONE)) == slots


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus"])
def test_without_a_time_zone_there_is_no_tonight(zone):
    answer = assess(cgm(days_with_low_nights(7, 2)), BEDTIME, zone)
    assert isinstance(answer, NotAssessed)
    assert answer.reasons[0].about == "time_zone"


def test_stale_sparse_and_absent_readings_are_not_answered():
    glucose = days_with_low_nights(7, 2)
    stale = assess(cgm(glucose, BEDTIME - 16 * MINUTE_MS), BEDTIME, ZONE)
    sparse = assess(cgm(glucose[-2 * SLOTS_PER_DAY :]), BEDTIME, ZONE)
    absent = assess(cgm([]), BEDTIME, ZONE)
    codes = [answer.reasons[0].code for answer in (stale, sparse, absent)]
    assert codes == [ReasonCode.STALE, ReasonCode.SPARSE, ReasonCode.MISSING]


def test_readings_after_bedtime_change_nothing():
    glucose = days_with_low_nights(7, 2)
    series = cgm(np.append(glucose, [50.0] * 12), BEDTIME - MINUTE_MS + 60 * MINUTE_MS)
    assert assess(series, BEDTIME, ZONE).result == assess(cgm(glucose), BEDTIME, ZONE).result


def test_a_night_is_midnight_to_six_and_one_seen_too_little_is_unknown():
    glucose = np.full(3 * SLOTS_PER_DAY, 120.0)
    glucose[SLOTS_PER_DAY + 71] = 80.0
    glucose[SLOTS_PER_DAY + 72] = 50.0
    glucose[10:40] = np.nan
    lowest, episode = nights(glucose, np.array([[SLOTS_PER_DAY], [0]]))
    np.testing.assert_array_equal(lowest, [[80.0], [np.nan]])
    np.testing.assert_array_equal(episode, [[0.0], [np.nan]])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_no_nocturnal_feature_changes_when_the_future_changes(seed):
    rng = np.random.default_rng(seed)
    glucose = np.clip(140 + np.cumsum(rng.normal(0, 3, 2000)) * 0.5, 45, 350)
    at = np.array([1500])
    otherwise = glucose.copy()
    otherwise[1501:] = 50.0
    one, other = (nocturnal_features(g, at, at + 12) for g in (glucose, otherwise))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_every_feature_belongs_to_exactly_one_topic_and_every_direction_to_a_feature():
    features = nocturnal_features(np.full(600, 120.0), np.array([599]), np.array([611]))
    served = [*features, *OF_TONIGHT]
    assert sorted(n for topic in TOPICS for n in topic.sentences) == sorted(served)
    assert list(WITH_RECORDED.lookup.features) == served
    assert set(DIRECTIONS) <= set(features)


def test_the_scorer_gives_the_librarys_own_probability_on_the_examples_of_the_file():
    rows = np.array([e["features"] for e in TABLE.facts["examples"]], float)
    stated = np.array([e["probability"] for e in TABLE.facts["examples"]])
    ours = TABLE.probability(dict(zip(TABLE.lookup.features, rows.T, strict=True)))
    np.testing.assert_allclose(ours, stated, rtol=0, atol=1e-12)


def test_the_table_only_falls_or_rises_where_physiology_says_so():
    for term in TABLE.terms:
        steps = np.diff(np.column_stack([term.points, term.points_by_refit]).T[:, 1:], axis=1)
        assert (steps * DIRECTIONS.get(term.features[0], 0) >= -1e-9).all(), term.feature


def test_the_table_is_not_older_than_its_code():
    assert TABLE.facts["code_sha256"] == sha256_of_code(TABLE.name)


def test_the_question_is_asked_in_utc_and_answered_on_the_patients_clock():
    utc = datetime.fromtimestamp(BEDTIME / 1000, UTC)
    assert utc.hour == 22
    assert isinstance(assess(cgm(days_with_low_nights(7, 0)), BEDTIME, "UTC"), Assessment)


def test_a_night_near_a_low_counts_by_degrees_and_a_night_like_tonight_counts_most():
    glucose = days_with_low_nights(14, 0)
    glucose[-20 * 12 : -20 * 12 + 6] = 72.0
    at = np.array([glucose.size - 1])
    features = nocturnal_features(glucose, at, at + 12)
    assert features["nights_near_low_14_d_percent"][0] == pytest.approx(50 / 14, abs=0.05)
    evening_high = days_with_low_nights(14, 1)
    evening_high[-SLOTS_PER_DAY - 24 : -SLOTS_PER_DAY] = 250.0
    unlike, like = (
        nocturnal_features(g, at, at + 12)["similar_nights_with_episode_percent"][0]
        for g in (evening_high, days_with_low_nights(14, 1))
    )
    assert unlike < like


def test_the_usual_evening_is_that_of_this_time_of_day():
    glucose = days_with_low_nights(14, 3)
    glucose[-1] = 170.0
    at = np.array([glucose.size - 1])
    assert nocturnal_features(glucose, at, at + 12)["above_usual_evening_mgdl"][0] == pytest.approx(30.0)
