"""Features of a moment know nothing of what comes after it, and are the same asked once or in bulk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.risk.causal_grid import SLOTS_PER_DAY
from models.risk.glucose_risk_features import DIRECTIONS, risk_features
from models.risk.short_term_features import hyperglycemia_features, hypoglycemia_features

NOW = ("glucose_mgdl", "in_20_min_mgdl", "in_30_min_mgdl", "in_60_min_mgdl", "minutes_to_low")


def wandering(seed: int, days: float = 3.0, gaps: float = 0.05) -> np.ndarray:
    rng = np.random.default_rng(seed)
    slots = int(days * SLOTS_PER_DAY)
    glucose = np.clip(130 + np.cumsum(rng.normal(0, 4, slots)) * 0.9, 45, 380).round()
    glucose[rng.random(slots) < gaps] = np.nan
    return glucose


every_kind = pytest.mark.parametrize("features", [hypoglycemia_features, hyperglycemia_features])


@every_kind
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(300, 800))
def test_no_feature_changes_when_the_future_changes(features, seed, at):
    glucose = wandering(seed)
    otherwise = glucose.copy()
    otherwise[at + 1 :] = wandering(seed + 1)[at + 1 :]
    before, after = features(glucose, np.array([at])), features(otherwise, np.array([at]))
    for name in before:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)


@every_kind
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_asked_one_by_one_or_in_bulk_the_features_are_the_same(features, seed):
    glucose = wandering(seed)
    at = np.array([290, 500, 863])
    bulk = features(glucose, at)
    for column, slot in enumerate(at):
        alone = features(glucose[: slot + 1], np.array([slot]))
        for name in bulk:
            np.testing.assert_allclose(alone[name][0], bulk[name][column], atol=1e-6, err_msg=name)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 60))
def test_a_higher_newest_reading_raises_every_feature_that_must_not_raise_the_risk(seed, rise):
    glucose = wandering(seed, gaps=0.0)
    glucose[-1] = min(glucose[-2], 320.0)
    higher = glucose.copy()
    higher[-1] += rise
    at = np.array([glucose.size - 1])
    lower_features, higher_features = risk_features(glucose, at), risk_features(higher, at)
    for name in NOW:
        assert higher_features[name][0] >= lower_features[name][0], name


def test_without_history_the_features_that_need_it_are_missing_not_zero():
    glucose = np.full(13, 110.0)
    features = risk_features(glucose, np.array([12]))
    for name in ("time_below_70_24_h_percent", "lbgi_7_d", "hours_since_low", "same_time_lowest_7_d_mgdl"):
        assert np.isnan(features[name][0]), name
    assert features["glucose_mgdl"][0] == 110.0


def test_readings_outside_the_sensor_range_of_the_training_data_count_as_its_ends():
    inside, outside = np.full(40, 39.0), np.full(40, 20.0)
    at = np.array([39])
    for name, value in risk_features(outside, at).items():
        np.testing.assert_array_equal(value, risk_features(inside, at)[name], err_msg=name)


@pytest.mark.parametrize("name", sorted(DIRECTIONS))
def test_every_constrained_feature_exists(name):
    assert name in risk_features(np.full(40, 100.0), np.array([39]))
