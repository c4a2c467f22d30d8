"""The wall clock of instants, against the standard library one instant at a time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.assessment import Reason, ReasonCode
from models.features.local_time import instant_ms, local_day, local_ms, minute_of_day, zone_of
from models.features.sampling import distinct

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "Africa/Casablanca",
]
instants = st.integers(946_684_800_000, 2_050_000_000_000)


@given(st.lists(st.integers(-3, 3), max_size=12))
def test_distinct_values_are_those_of_numpy_in_any_order(values: list[int]) -> None:
    assert distinct(np.array(values, np.int64)).tolist() == sorted(set(values))


@pytest.mark.spec("H-11")
@given(st.lists(instants, max_size=30), st.sampled_from(ZONES))
def test_H11_every_instant_has_the_wall_clock_of_the_standard_library(at_ms: list[int], name: str) -> None:
    zone = ZoneInfo(name)
    walls = [datetime.fromtimestamp(at // 1000, UTC).astimezone(zone).replace(tzinfo=UTC) for at in at_ms]
    expected = [int(wall.timestamp()) * 1000 + at % 1000 for wall, at in zip(walls, at_ms, strict=True)]
    np.testing.assert_array_equal(local_ms(np.array(at_ms, np.int64), zone), expected)


@pytest.mark.spec("Q37")
def test_instants_in_an_hour_that_the_clock_repeats_stay_apart() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = int(datetime(2024, 10, 27, 0, 30, tzinfo=UTC).timestamp() * 1000)
    both = np.array([first, first + 3_600_000])
    assert minute_of_day(both, berlin).tolist() == [150, 150]


def test_a_clock_change_between_two_days_far_apart_is_seen_on_the_day_itself() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    change = int(datetime(2024, 3, 31, 12, tzinfo=UTC).timestamp() * 1000)
    far = int(datetime(2025, 1, 10, 12, tzinfo=UTC).timestamp() * 1000)
    assert minute_of_day(np.array([change, far]), berlin).tolist() == [14 * 60, 13 * 60]


@given(instants, st.sampled_from(ZONES))
def test_the_start_of_a_local_day_lies_on_that_day(at_ms: int, name: str) -> None:
    zone = ZoneInfo(name)
    day = int(local_day(np.array([at_ms]), zone)[0])
    start = instant_ms(day, 0, zone)
    assert start <= at_ms < start + 25 * 3_600_000
    date = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()
    assert datetime.fromtimestamp(at_ms / 1000, zone).date() == date


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (None, ReasonCode.MISSING),
        ("", ReasonCode.MISSING),
        ("Mars/Olympus", ReasonCode.IMPLAUSIBLE),
        ("../etc", ReasonCode.IMPLAUSIBLE),
    ],
)
def test_a_zone_that_is_not_known_is_a_reason(name: str | None, code: ReasonCode) -> None:
    reason = zone_of(name)
    assert isinstance(reason, Reason) and reason.code is code
