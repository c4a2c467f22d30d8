"""Patterns: each named one is found where it was put, with its hours and its count, and ranked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.assessment import Reason
from models.features.bands import PREGNANCY_RANGE
from models.features.patterns import Pattern, Rank, find_patterns
from models.features.sampling import DAY_MS, MINUTE_MS
from models.signals import CARBS, GLUCOSE_CGM
from models.time_series import TimeSeries, series_of

START_MS = 1_709_251_200_000  # 2024-03-01T00:00Z
DAYS = 14


def fortnight(*parts: tuple[range, float, float, float], base: float = 120.0) -> TimeSeries:
    """Fourteen flat days but for (days, from hour, until hour, value)."""
    value = np.full((DAYS, 288), base)
    for days, start, end, mgdl in parts:
        value[days.start : days.stop : days.step, round(start * 12) : round(end * 12)] = mgdl
    return series_of(GLUCOSE_CGM, "mg/dL", START_MS + 5 * MINUTE_MS * np.arange(DAYS * 288), value.ravel())


def patterns(
    glucose: TimeSeries, zone: str = "UTC", cv: float | None = 20.0, carbs: TimeSeries | None = None
) -> tuple[Pattern, ...]:
    found = find_patterns(glucose, zone, cv, carbs)
    assert not isinstance(found, Reason)
    return found


def test_flat_days_have_no_pattern() -> None:
    assert patterns(fortnight()) == ()


def test_nocturnal_lows_are_named_with_their_hours_and_nights() -> None:
    (found,) = patterns(fortnight((range(6), 2, 5, 62)))
    assert found.text == "lows between 02:00 and 05:00 on 6 of 14 nights"
    assert (found.rank, found.extreme_mgdl) == (Rank.LOW, 62)
    assert found.percent == pytest.approx(100 * 6 / 14)


def test_one_low_night_is_no_pattern_and_two_are() -> None:
    assert patterns(fortnight((range(1), 2, 5, 62))) == ()
    assert patterns(fortnight((range(2), 2, 5, 62)))[0].seen == 2


@pytest.mark.parametrize(
    ("nights", "found"), [(2, ()), (8, ()), (9, ("lows between 02:00 and 05:00 on 9 of 90 nights",))]
)
def test_in_three_months_lows_recur_from_a_tenth_of_the_nights_on(
    nights: int, found: tuple[str, ...]
) -> None:
    value = np.full((90, 288), 120.0)
    value[: 10 * nights : 10, 24:60] = 62
    at_ms = START_MS + 5 * MINUTE_MS * np.arange(value.size)
    series = series_of(GLUCOSE_CGM, "mg/dL", at_ms, value.ravel())
    assert tuple(pattern.text for pattern in patterns(series)) == found


def test_lows_that_last_less_than_an_episode_are_no_pattern() -> None:
    assert patterns(fortnight((range(14), 3, 3 + 10 / 60, 62))) == ()


def test_hours_hit_on_few_nights_do_not_widen_the_window() -> None:
    found = patterns(fortnight((range(8), 3, 4, 62), (range(8, 10), 0, 1, 62)))
    assert (found[0].from_hour, found[0].until_hour) == (3, 4)


@pytest.mark.parametrize("start", range(24))
def test_lows_are_one_pattern_at_whatever_hour_they_begin(start: int) -> None:
    value = np.full(DAYS * 288, 120.0)
    for day in range(2, 8):
        first = day * 288 + start * 12
        value[first : first + 4 * 12] = 60
    at_ms = START_MS + 5 * MINUTE_MS * np.arange(value.size)
    (found,) = patterns(series_of(GLUCOSE_CGM, "mg/dL", at_ms, value))
    until = start + 4 if start + 4 <= 24 else start - 20
    assert (found.from_hour, found.until_hour, found.seen) == (start, until, 6)
    assert found.extreme_mgdl == 60
    assert found.counted == ("nights" if start in (0, 1, 2, 21, 22, 23) else "days")


def test_a_run_longer_than_a_night_ends_at_midnight() -> None:
    found = patterns(fortnight((range(DAYS), 14, 24, 200), (range(DAYS), 0, 11, 200)))
    assert [(p.from_hour, p.until_hour) for p in found if p.name == "highs"] == [(0, 11), (14, 24)]


def test_in_pregnancy_lows_and_highs_have_limits_of_their_own() -> None:
    glucose = fortnight((range(6), 2, 5, 66), (range(DAYS), 8, 10, 150))
    found = find_patterns(glucose, "UTC", 20.0, limits=PREGNANCY_RANGE)
    assert not isinstance(found, Reason)
    assert [(p.name, p.from_hour, p.until_hour) for p in found if p.rank < Rank.DAWN] == [("highs", 8, 10)]
    assert [p.name for p in patterns(glucose)] == ["lows"]


def test_low_readings_below_54_come_first_then_lows_then_highs() -> None:
    found = patterns(
        fortnight(
            (range(3), 15, 16, 50), (range(9), 3, 4, 65), (range(12), 18, 22, 300), (range(12), 8, 10, 200)
        )
    )
    assert [p.rank for p in found] == [Rank.VERY_LOW, Rank.LOW, Rank.VERY_HIGH, Rank.HIGH]
    assert found[0].text == "lows between 15:00 and 16:00 on 3 of 14 days, below 54 mg/dL on 3"


def test_highs_need_half_of_the_days() -> None:
    assert patterns(fortnight((range(6), 0, 6, 220))) == ()
    (found,) = patterns(fortnight((range(7), 0, 6, 220)))
    assert found.text == "highs between 00:00 and 06:00 on 7 of 14 nights"


def test_hours_are_those_of_the_patients_clock() -> None:
    (found,) = patterns(fortnight((range(6), 2, 5, 62)), zone="Asia/Tokyo")
    assert (found.from_hour, found.until_hour) == (11, 14)


def test_without_a_zone_there_are_no_times_of_day() -> None:
    reason = find_patterns(fortnight((range(6), 2, 5, 62)), None, 20)
    assert isinstance(reason, Reason) and reason.about == "time_zone"


def test_nights_without_enough_readings_are_not_counted_as_assessed() -> None:
    glucose = fortnight((range(4), 2, 5, 62))
    day = (glucose.at_ms - START_MS) // DAY_MS
    hour = (glucose.at_ms - START_MS) % DAY_MS // (60 * MINUTE_MS)
    (found,) = patterns(glucose.take(~((day >= 10) & (hour < 6))))
    assert found.text == "lows between 02:00 and 05:00 on 4 of 10 nights"


def test_a_rise_before_breakfast_is_dawn_unless_the_night_had_a_low() -> None:
    (found,) = patterns(fortnight((range(14), 5, 6, 145)))
    assert (found.name, found.seen, found.of, found.extreme_mgdl) == ("dawn rise", 14, 14, 25)
    rebound = patterns(fortnight((range(14), 5, 6, 145), (range(14), 1, 2, 60)))
    assert "dawn rise" not in [p.name for p in rebound]


def test_meals_that_end_high_or_low_are_found_only_with_recorded_carbohydrate() -> None:
    glucose = fortnight((range(8), 13, 14, 210), (range(9, 12), 14.5, 15.5, 60))
    meals = series_of(
        CARBS,
        "g",
        START_MS + DAY_MS * np.arange(DAYS) + 12 * 60 * MINUTE_MS + 30 * MINUTE_MS,
        np.full(DAYS, 60.0),
    )
    texts = [p.text for p in patterns(glucose, carbs=meals)]
    assert "highs after 8 of 14 meals" in texts
    assert "lows after 3 of 14 meals" in texts
    assert not any("meals" in p.text for p in patterns(glucose))


def test_variability_above_36_percent_is_named() -> None:
    assert patterns(fortnight(), cv=36.0) == ()
    (found,) = patterns(fortnight(), cv=36.1)
    assert found.text == "high variability: coefficient of variation 36 %"


@given(st.integers(0, 13), st.integers(0, 22), st.integers(40, 69))
def test_a_further_low_never_removes_the_lows_that_were_found(day: int, hour: int, mgdl: int) -> None:
    first = fortnight((range(6), 2, 5, 62))
    more = fortnight((range(6), 2, 5, 62), (range(day, day + 1), hour, hour + 1, float(mgdl)))
    assert patterns(more)[0].rank <= patterns(first)[0].rank


@given(st.integers(0, 13), st.integers(0, 287), st.integers(40, 300))
def test_copies_of_readings_change_no_pattern(day: int, slot: int, mgdl: int) -> None:
    glucose = fortnight((range(6), 2, 5, 62), (range(day, day + 1), slot / 12, slot / 12 + 1, float(mgdl)))
    twice = series_of(GLUCOSE_CGM, "mg/dL", np.tile(glucose.at_ms, 2), np.tile(glucose.value, 2))
    assert patterns(twice) == patterns(glucose)
