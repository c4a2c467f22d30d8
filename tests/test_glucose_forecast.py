"""The glucose forecast as it is served: what it states, that it equals the library, and when it is silent."""

import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.assessment import Assessment, NotAssessed, Outcome, ReasonCode
from models.model_cards import MODEL_CARDS
from models.risk.glucose_forecast import FACTS, GRID_SLOTS, HORIZONS_MIN, KNOTS, MODEL, VERSION, assess
from models.risk.glucose_forecast_features import (
    SENSOR_RANGE_MGDL,
    answerable,
    forecast_features,
    recent_features,
)
from models.risk.glucose_forecast_interval import ASKED_EVERY_SLOTS, CELL_ENDS, ErrorModel
from models.risk.glucose_forecast_model import LEVELS, stated
from models.risk.glucose_forecast_trees import Trees
from models.signals import GLUCOSE_CGM
from models.time_series import series_of

AS_OF = 1_750_000_000_000
MINUTE_MS = 60_000


def cgm(glucose, newest_age_min=1.0):
    at = AS_OF - round(newest_age_min * MINUTE_MS) - np.arange(len(glucose))[::-1] * 5 * MINUTE_MS
    return series_of(GLUCOSE_CGM, "mg/dL", at.astype(np.int64), np.asarray(glucose, float))


def wandering(seed, slots=1000, step=3.0):
    rng = np.random.default_rng(seed)
    around = np.convolve(rng.normal(0, step, slots + 11), np.ones(12) / 3, "valid")
    return np.clip(140 + np.cumsum(around - 0.01 * np.cumsum(around)) * 0.6, 45, 380).round()


def test_glucose_from_five_minutes_to_two_hours_is_stated():
    answer = assess(cgm(wandering(1)), AS_OF)
    assert answer.result.horizons_min == HORIZONS_MIN == tuple(range(5, 121, 5))
    assert set(answer.result.quantiles_mgdl) == set(LEVELS)
    assert answer.result.within(60).level == pytest.approx(LEVELS[-1] - LEVELS[0])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 12))
def test_quantiles_rise_with_their_level_and_stay_where_a_sensor_can_be(seed, step):
    forecast = assess(cgm(wandering(seed, 400, step)), AS_OF).result
    lines = np.array([forecast.quantiles_mgdl[level] for level in LEVELS])
    assert (np.diff(lines, axis=0) >= 0).all()
    assert (lines >= SENSOR_RANGE_MGDL[0]).all()
    assert (lines <= SENSOR_RANGE_MGDL[1]).all()
    assert all(
        forecast.within(h).low <= forecast.within(h).value <= forecast.within(h).high for h in HORIZONS_MIN
    )


def test_a_steep_fall_is_continued_and_a_flat_line_kept():
    falling = assess(cgm([*[180] * 60, 172, 163, 154, 145, 136]), AS_OF).result
    assert falling.within(15).value < 130
    flat = assess(cgm([120] * 300), AS_OF).result
    assert flat.within(30).value == pytest.approx(120, abs=10)


def test_a_forecast_that_leaves_the_target_range_is_a_positive_answer():
    assert assess(cgm([*[150] * 60, 140, 128, 114, 98, 82]), AS_OF).outcome is Outcome.ASSESSED_POSITIVE
    assert assess(cgm([120] * 300), AS_OF).outcome is Outcome.ASSESSED_NEGATIVE


def test_who_was_restless_in_the_last_days_has_a_wider_interval_for_the_same_last_hours():
    last_hours = wandering(5, 60)
    restless = np.concatenate([wandering(6, 3900, 12.0), last_hours])
    calm = np.concatenate([np.full(3900, 140.0), last_hours])
    widths = [
        (lambda i: i.high - i.low)(assess(cgm(glucose), AS_OF).result.within(60))
        for glucose in (restless, calm)
    ]
    assert widths[0] > widths[1]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(40, 300))
def test_readings_after_the_moment_of_asking_change_nothing(seed, later):
    glucose = wandering(seed)
    series = cgm(np.append(glucose, [later, later, later]), newest_age_min=1 - 15)
    assert assess(series, AS_OF).result == assess(cgm(glucose), AS_OF).result


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 6 * 10**10))
def test_shifting_all_time_changes_nothing(seed, shift_ms):
    series = cgm(wandering(seed, 500))
    shifted = series_of(GLUCOSE_CGM, "mg/dL", series.at_ms + shift_ms, series.value)
    moved = assess(shifted, AS_OF + shift_ms).result
    assert moved.quantiles_mgdl == assess(series, AS_OF).result.quantiles_mgdl


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_what_is_served_is_what_the_evaluation_states_of_the_whole_record(seed):
    glucose = wandering(seed, GRID_SLOTS + 500)
    slots = np.arange((glucose.size - 1) % ASKED_EVERY_SLOTS, glucose.size, ASKED_EVERY_SLOTS)
    expected, quantiles = stated(KNOTS, glucose, slots, np.array([slots.size - 1]))
    served = assess(cgm(glucose, 0), AS_OF)
    if not served.limits:
        for place, knot in enumerate(KNOTS):
            interval = served.result.within(knot.horizon_min)
            assert interval.value == pytest.approx(expected[0, place], abs=1e-6)
            assert interval.low == pytest.approx(quantiles[0, place, 0], abs=1e-6)
            assert interval.high == pytest.approx(quantiles[0, place, -1], abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 899))
def test_no_feature_and_no_interval_knows_what_follows(seed, at):
    glucose = wandering(seed, 900)
    glucose[np.random.default_rng(seed).random(900) < 0.2] = np.nan
    slot = np.array([at])
    assume(answerable(glucose, slot)[0])
    for features in (forecast_features, recent_features):
        known, cut = features(glucose, slot), features(glucose[: at + 1], slot)
        for name in known:
            assert known[name][0] == pytest.approx(cut[name][0], nan_ok=True, abs=2e-3), name
    assert answerable(glucose, slot)[0] == answerable(glucose[: at + 1], slot)[0]


@pytest.mark.parametrize(
    ("age_min", "answered"), [(0, True), (14.9, True), (15, True), (15.1, False), (300, False)]
)
def test_a_reading_older_than_fifteen_minutes_is_not_answered(age_min, answered):
    answer = assess(cgm([120] * 300, age_min), AS_OF)
    assert isinstance(answer, Assessment) == answered
    if not answered:
        assert answer.reasons[0].code is ReasonCode.STALE


def test_too_few_readings_of_the_last_hours_are_not_answered():
    answer = assess(cgm([120] * 23), AS_OF)
    assert isinstance(answer, NotAssessed)
    assert answer.reasons[0].code is ReasonCode.SPARSE
    assert isinstance(assess(cgm([120] * 24), AS_OF), Assessment)


def test_without_readings_nothing_is_answered():
    assert assess(cgm([]), AS_OF).reasons[0].code is ReasonCode.MISSING


def test_a_forecast_beyond_what_a_sensor_shows_is_held_and_said():
    answer = assess(cgm([*[300] * 60, 320, 340, 360, 380, 400]), AS_OF)
    assert answer.limits
    assert max(answer.result.quantiles_mgdl[0.95]) == SENSOR_RANGE_MGDL[1]


@pytest.fixture(scope="module")
def artefact():
    return json.loads((files("models.risk") / "glucose_forecast.json").read_text())


@pytest.mark.parametrize("place", range(len(KNOTS)), ids=lambda place: f"{KNOTS[place].horizon_min} minutes")
def test_the_plain_arrays_answer_as_the_library_that_grew_them(artefact, place):
    examples = artefact["knots"][place]["examples"]
    rows = np.array([example["row"] for example in examples])
    assert KNOTS[place].trees.sum(rows) == pytest.approx([e["trees"] for e in examples], abs=1e-9)


def test_a_tree_of_one_split_sends_each_side_to_its_leaf():
    table = {"feature": [0, 1, 1], "number": [5.0, -1.0, 2.0], "left": [1, 1, 2], "first": [0]}
    trees = Trees.from_json(table, 1)
    assert trees.sum(np.array([[4.0], [5.0], [5.1]])).tolist() == [-1.0, -1.0, 2.0]
    assert trees.sum(np.empty((0, 1))).size == 0


def test_own_errors_count_only_once_the_reading_that_shows_them_was_taken():
    shares = np.clip((CELL_ENDS + 6) / 12, 0, 1)
    model = ErrorModel(np.zeros(1), np.zeros(1), 1.0, shares, 10.0, 1.0)
    errors = np.zeros(50)
    errors[30:] = 5.0
    asked, levels = np.arange(50), (0.05, 0.95)
    told = model.quantiles(errors, asked, 4, levels)
    assert told[33, 1] < told[33 + 10, 1]
    cut = model.quantiles(np.where(np.arange(50) <= 29, errors, np.nan), asked, 4, levels)
    assert told[:34] == pytest.approx(cut[:34])


def test_without_own_errors_everybodys_shares_decide():
    shares = np.clip((CELL_ENDS + 6) / 12, 0, 1)
    model = ErrorModel(np.zeros(1), np.zeros(1), 1.0, shares, 10.0, 1.0)
    told = model.quantiles(np.full(20, np.nan), np.array([0, 19]), 4, (0.05, 0.5, 0.95))
    assert told == pytest.approx(np.array([[-5.4, 0.0, 5.4]] * 2))


def test_the_artefact_is_of_the_committed_code_and_says_what_it_was_made_from(artefact):
    forecast_train = pytest.importorskip("models.training.forecast_train")
    assert artefact["code_sha256"] == forecast_train.sha256_of_code()
    assert artefact["version"] == VERSION == MODEL_CARDS[MODEL]["version"]
    assert len(artefact["people"]) == 72
    assert all(len(digest) == 64 for digest in artefact["data_sha256"].values())
    assert artefact["features"] == list(forecast_features(wandering(1, 50), np.array([49])))


def test_the_card_states_the_hashes_of_data_and_code_that_the_artefact_records(artefact):
    made_from = MODEL_CARDS[MODEL]["made_from"]
    assert made_from["tables"] == ["glucose_forecast.json"]
    for key in ("data_sha256", "code_sha256", "made_with"):
        assert made_from[key] == artefact[key], key


def test_from_fifteen_minutes_on_the_interval_held_for_nine_of_ten_and_for_the_people_hardest_to_foresee(
    artefact,
):
    for knot in artefact["knots"][1:]:
        held = knot["on_people_left_out"]
        assert 0.89 <= held["coverage_90"] <= 0.92
        assert held["coverage_90_worst_decile"] >= 0.88
    assert FACTS["settings"]["seed"] == 2026
