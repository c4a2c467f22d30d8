"""The ambulatory profile: percentiles on the patient's clock, through clock changes, or a reason."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.assessment import Reason, ReasonCode
from models.features.agp import PERCENTILES, AmbulatoryProfile, ambulatory_profile
from models.features.sampling import DAY_MS, MINUTE_MS
from models.signals import GLUCOSE_CGM
from models.time_series import TimeSeries, series_of

START_MS = 1_709_251_200_000  # 2024-03-01T00:00Z


def readings(at_ms: np.ndarray, value: np.ndarray) -> TimeSeries:
    return series_of(GLUCOSE_CGM, "mg/dL", at_ms, value.astype(float))


def profile_of(glucose: TimeSeries, zone: str) -> AmbulatoryProfile:
    profile = ambulatory_profile(glucose, zone)
    assert isinstance(profile, AmbulatoryProfile)
    return profile


def test_percentiles_are_those_of_the_readings_in_each_quarter_hour() -> None:
    rng = np.random.default_rng(7)
    glucose = readings(START_MS + 5 * MINUTE_MS * np.arange(14 * 288), rng.integers(40, 300, 14 * 288))
    profile = profile_of(glucose, "UTC")
    for slot in (0, 40, 95):
        inside = glucose.value[(glucose.at_ms - START_MS) % DAY_MS // (15 * MINUTE_MS) == slot]
        assert profile.percentile_mgdl[:, slot] == pytest.approx(np.percentile(inside, PERCENTILES))
    assert profile.readings.sum() == len(glucose)


def test_a_zone_moves_readings_to_the_wall_clock() -> None:
    glucose = readings(np.array([START_MS]), np.array([100]))
    assert profile_of(glucose, "Asia/Kolkata").readings[22] == 1  # 05:30
    assert profile_of(glucose, "America/St_Johns").readings[82] == 1  # 20:30 the day before


@pytest.mark.spec("H-11")
@pytest.mark.parametrize(
    ("date", "zone", "slots"),
    [
        ("2024-03-31", "Europe/Berlin", 276),
        ("2024-10-27", "Europe/Berlin", 300),
        ("2024-03-10", "America/New_York", 276),
        ("2024-02-29", "Pacific/Kiritimati", 288),
        ("2024-10-06", "Australia/Lord_Howe", 282),
    ],
)
def test_H11_a_local_day_of_a_clock_change_has_its_own_length(date: str, zone: str, slots: int) -> None:
    from models.features.local_time import instant_ms, local_day, zone_of

    clock = zone_of(zone)
    assert not isinstance(clock, Reason)
    day = int(np.datetime64(date).astype("datetime64[D]").astype(int))
    at_ms = instant_ms(day, 0, clock) - DAY_MS + 5 * MINUTE_MS * np.arange(3 * 288)
    assert np.count_nonzero(local_day(at_ms, clock) == day) == slots


@pytest.mark.spec("H-11")
def test_H11_the_skipped_hour_is_empty_and_the_repeated_hour_has_both() -> None:
    forward = START_MS + 30 * DAY_MS  # 2024-03-31, Berlin skips 02:00
    day = readings(forward - 60 * MINUTE_MS + 15 * MINUTE_MS * np.arange(92), np.arange(92) + 100)
    skipped = profile_of(day, "Europe/Berlin").readings
    assert skipped[8:12].tolist() == [0, 0, 0, 0]
    assert skipped.sum() == 92


@pytest.mark.parametrize(
    ("zone", "code"), [(None, ReasonCode.MISSING), ("Mars/Olympus", ReasonCode.IMPLAUSIBLE)]
)
def test_without_a_zone_there_is_a_reason_and_no_profile(zone: str | None, code: ReasonCode) -> None:
    reason = ambulatory_profile(readings(np.array([START_MS]), np.array([100])), zone)
    assert isinstance(reason, Reason) and (reason.code, reason.about) == (code, "time_zone")


def test_no_reading_gives_an_empty_profile() -> None:
    profile = profile_of(readings(np.array([], np.int64), np.array([])), "UTC")
    assert np.isnan(profile.percentile_mgdl).all() and profile.readings.sum() == 0


@given(
    st.lists(st.integers(0, 30 * 288), min_size=1, max_size=50),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
)
def test_a_profile_lies_between_its_readings_and_its_percentiles_are_ordered(
    steps: list[int], zone: str
) -> None:
    glucose = readings(START_MS + 5 * MINUTE_MS * np.array(steps), 40 + np.array(steps) % 300)
    table = profile_of(glucose, zone).percentile_mgdl
    filled = table[:, ~np.isnan(table[0])]
    assert (np.diff(filled, axis=0) >= 0).all()
    assert filled.min() >= glucose.value.min() and filled.max() <= glucose.value.max()
