"""Fasting values: one a day, from the definition, lower source first, or a reason."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.assessment import Reason
from models.features.fasting import FastingInputs, FastingValue, fasting_values
from models.features.sampling import DAY_MS, MINUTE_MS
from models.signals import CARBS, GLUCOSE_CGM, GLUCOSE_SMBG, MEAL_MARK
from models.time_series import TimeSeries, series_of
from models.units import MGDL_PER_MMOLL

START_MS = 1_709_251_200_000  # 2024-03-01T00:00Z
WEEK_END_MS = START_MS + 7 * DAY_MS
HOUR_MS = 60 * MINUTE_MS


def meter(*readings: tuple[float, float], marks: tuple[str | None, ...] = ()) -> TimeSeries:
    """Meter readings as (hours since the start, mg/dL), with a meal mark each."""
    hours, value = zip(*readings, strict=True)
    series = series_of(
        GLUCOSE_SMBG, "mg/dL", START_MS + (np.array(hours) * HOUR_MS).astype(np.int64), np.array(value, float)
    )
    marks = marks or (None,) * len(readings)
    sets = tuple(frozenset([mark] if mark else []) for mark in marks)
    return replace(series, flags=np.arange(len(readings), dtype=np.int16), flag_sets=sets)


def sensor(mgdl: float, days: int = 7) -> TimeSeries:
    at_ms = START_MS + 5 * MINUTE_MS * np.arange(days * 288)
    return series_of(GLUCOSE_CGM, "mg/dL", at_ms, np.full(at_ms.size, mgdl))


def values(inputs: FastingInputs, zone: str = "UTC") -> tuple[FastingValue, ...]:
    found = fasting_values(inputs, WEEK_END_MS, zone)
    assert not isinstance(found, Reason)
    return found


def test_the_first_morning_reading_of_a_day_is_its_fasting_value() -> None:
    found = values(
        FastingInputs(meter=meter((3.9, 100), (7, 130), (8, 90), (24 + 9.98, 140), (48 + 10, 150)))
    )
    assert [(v.mgdl, v.source, v.marked) for v in found] == [(130, "meter", False), (140, "meter", False)]


def test_a_reading_marked_fasting_stands_before_an_unmarked_one_at_any_hour() -> None:
    found = values(FastingInputs(meter=meter((5, 110), (11, 150), marks=(None, "fasting"))))
    assert [(v.mgdl, v.marked) for v in found] == [(150, True)]


@pytest.mark.parametrize("mark", ["postprandial", "bedtime", "casual"])
def test_a_reading_with_another_meal_mark_is_not_fasting(mark: str) -> None:
    assert values(FastingInputs(meter=meter((7, 130), marks=(mark,)))) == ()


@pytest.mark.parametrize(("word", "expected"), [("fasting", [150.0]), ("postprandial", [])])
def test_a_meal_mark_of_its_own_belongs_to_the_reading_of_its_instant(
    word: str, expected: list[float]
) -> None:
    readings = meter((8, 150))
    marks = replace(series_of(MEAL_MARK, "code", readings.at_ms, np.zeros(1)), labels=(word,))
    found = values(FastingInputs(meter=readings, marks=marks))
    assert [v.mgdl for v in found if v.marked or word != "fasting"] == expected


def test_mornings_are_those_of_the_patients_clock() -> None:
    inputs = FastingInputs(meter=meter((22, 130)))
    assert values(inputs, "UTC") == ()
    assert len(values(inputs, "Asia/Tokyo")) == 1


def test_the_sensors_fasting_value_is_the_mean_of_the_two_hours_before_six() -> None:
    glucose = sensor(100, days=1)
    hour = (glucose.at_ms - START_MS) / HOUR_MS
    value = np.where((hour >= 4) & (hour < 6), 100 + 10 * (hour - 4), 300)
    (found,) = values(FastingInputs(sensor=series_of(GLUCOSE_CGM, "mg/dL", glucose.at_ms, value)))
    assert found.mgdl == pytest.approx(value[48:72].mean())
    assert (found.source, found.readings, found.lowest_mgdl) == ("sensor", 24, 100)
    assert found.at_ms == START_MS + 6 * HOUR_MS - 5 * MINUTE_MS


def test_less_than_seventy_percent_of_the_two_hours_gives_no_value() -> None:
    glucose = sensor(100, days=1)
    hour = (glucose.at_ms - START_MS) / HOUR_MS
    enough, too_few = (
        glucose.take(~((hour >= 4) & (hour < 4.58))),
        glucose.take(~((hour >= 4) & (hour < 4.7))),
    )
    assert len(values(FastingInputs(sensor=enough))) == 1
    assert values(FastingInputs(sensor=too_few)) == ()


def test_carbohydrate_in_the_eight_hours_before_takes_the_value_away() -> None:
    snack = series_of(CARBS, "g", np.array([START_MS + DAY_MS - HOUR_MS]), np.array([20.0]))
    inputs = FastingInputs(meter=meter((24 + 6.5, 130), (48 + 7, 140)), carbs=snack)
    assert [v.mgdl for v in values(inputs)] == [140]


@given(st.integers(60, 300), st.integers(60, 300))
def test_with_two_sources_for_a_day_the_lower_value_stands(from_meter: int, from_sensor: int) -> None:
    inputs = FastingInputs(meter=meter((7, from_meter)), sensor=sensor(from_sensor, days=1))
    (found,) = values(inputs)
    assert found.mgdl == pytest.approx(min(from_meter, from_sensor))


def test_a_device_in_mmoll_keeps_the_number_it_showed() -> None:
    series = meter((7, 7.2 * MGDL_PER_MMOLL))
    series = replace(series, native_value=np.array([7.2]), native_units=("mmol/L",))
    (found,) = values(FastingInputs(meter=series))
    assert (found.native_value, found.native_unit) == (7.2, "mmol/L")


def test_values_before_the_window_are_left_out_and_the_rest_is_oldest_first() -> None:
    found = values(FastingInputs(meter=meter((-24 + 7, 100), (24 + 7, 110), (7, 120))))
    assert [v.mgdl for v in found] == [120, 110]


def test_without_a_zone_there_is_a_reason() -> None:
    reason = fasting_values(FastingInputs(meter=meter((7, 130))), WEEK_END_MS, None)
    assert isinstance(reason, Reason) and reason.about == "time_zone"
