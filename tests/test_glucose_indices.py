"""LBGI, HBGI and GRI at their edges: where risk changes sides, its ends, each weight, each band, and the cap."""

import numpy as np
import pytest

from models.dosing.setting_features import glucose_shares
from models.features.glycemic import glycemic_metrics
from models.features.indices import blood_glucose_risk, glycemia_risk_index
from models.risk.glucose_risk_features import low_blood_glucose_risk
from models.signals import GLUCOSE_CGM
from models.time_series import series_of

STEP_MS = 300_000
START_MS = 1_750_000_000_000


def metrics_of(values):
    at_ms = START_MS + STEP_MS * np.arange(len(values), dtype=np.int64)
    return glycemic_metrics(series_of(GLUCOSE_CGM, "mg/dL", at_ms, np.array(values, float)), int(at_ms[-1]))


@pytest.mark.parametrize(
    ("mgdl", "low", "high"),
    [(20, 100.04, 0), (40, 36.418, 0), (53, 19.406, 0), (54, 18.461, 0), (70, 7.755, 0), (112, 0.0007, 0),
     (113, 0, 0.0006), (180, 0, 7.729), (250, 0, 22.436), (251, 0, 22.659), (400, 0, 57.046), (600, 0, 99.95)],
)  # fmt: skip
def test_a_reading_has_low_or_high_risk_by_its_side_of_112_and_a_half(mgdl, low, high):
    risks = [float(risk[0]) for risk in blood_glucose_risk(np.array([float(mgdl)]))]
    assert risks == pytest.approx([low, high], rel=3e-4, abs=6e-5)


def test_lbgi_and_hbgi_are_the_means_of_the_risks_over_all_readings():
    found = metrics_of([54.0] * 10 + [112.0] * 80 + [250.0] * 10)
    assert (found.lbgi, found.hbgi) == pytest.approx((1.8467, 2.2436), abs=1e-4)


def test_the_models_of_lows_read_the_same_low_risk():
    glucose = np.arange(20.0, 601.0)
    np.testing.assert_allclose(low_blood_glucose_risk(glucose), blood_glucose_risk(glucose)[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("mgdl", "gri"),
    [(53, 30), (54, 24), (55, 24), (69, 24), (70, 0), (71, 0), (179, 0), (180, 0), (181, 8), (249, 8), (250, 8),
     (251, 16), (252, 16)],
)  # fmt: skip
def test_a_tenth_of_the_time_at_each_band_edge_brings_its_weight_into_the_gri(mgdl, gri):
    values = [float(mgdl)] * 10 + [100.0] * 90
    assert metrics_of(values).gri == pytest.approx(gri)
    assert glucose_shares(np.array([values]))["gri"][0] == pytest.approx(gri)


@pytest.mark.parametrize(
    ("shares", "gri"),
    [((1, 0, 0, 0), 3.0), ((0, 1, 0, 0), 2.4), ((0, 0, 1, 0), 0.8), ((0, 0, 0, 1), 1.6), ((1, 2, 30, 5), 39.8),
     ((33, 0, 0, 0), 99.0), ((20, 0, 50, 0), 100.0), ((20, 0, 51, 0), 100.0), ((50, 0, 0, 0), 100.0)],
)  # fmt: skip
def test_the_gri_weighs_each_share_as_published_and_ends_at_a_hundred(shares, gri):
    assert glycemia_risk_index(*shares) == pytest.approx(gri)
