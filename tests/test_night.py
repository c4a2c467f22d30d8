"""The nights of a window: lows, highs, and the rise before breakfast."""

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from models.features.hourly import hourly_glucose
from models.features.night import NightGlucose, night_glucose
from models.features.sampling import MINUTE_MS
from models.signals import GLUCOSE_CGM
from models.time_series import series_of

START_MS = 1_709_251_200_000


def nights(values: np.ndarray, keep: np.ndarray | None = None) -> NightGlucose:
    """Nights of readings float[days, 288] from midnight UTC."""
    at_ms = START_MS + 5 * MINUTE_MS * np.arange(values.size)
    glucose = series_of(GLUCOSE_CGM, "mg/dL", at_ms, values.ravel().astype(float))
    return night_glucose(hourly_glucose(glucose if keep is None else glucose.take(keep), ZoneInfo("UTC")))


def test_lows_of_the_night_are_counted_by_night_and_by_time_and_lows_of_the_day_are_not() -> None:
    values = np.full((10, 288), 120.0)
    values[:3, 24:36] = 60  # 02:00-03:00
    values[0, 30:36] = 50
    values[:, 150:160] = 60
    found = nights(values)
    assert (found.nights, found.nights_with_low, found.nights_with_very_low) == (10, 3, 1)
    assert found.low_percent == pytest.approx(100 * 3 / 60)
    assert found.lowest_mgdl == 50


def test_the_rise_before_breakfast_leaves_out_nights_with_a_low() -> None:
    values = np.full((6, 288), 110.0)
    values[:, 60:72] = 140  # 05:00-06:00
    values[4:, 12:24] = 60
    assert nights(values).dawn_rise_mgdl == 30


def test_a_night_needs_seventy_percent_of_its_readings() -> None:
    values = np.full((2, 288), 120.0)
    minute = np.arange(values.size) * 5
    assert nights(values, minute >= 105).nights == 2
    assert nights(values, minute >= 110).nights == 1


def test_no_reading_gives_no_share() -> None:
    found = nights(np.empty((0, 288)))
    assert (found.nights, found.low_percent, found.lowest_mgdl, found.dawn_rise_mgdl) == (0, None, None, None)
