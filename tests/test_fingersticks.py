"""The review of meter readings: shares of readings, by time of day, and when they are enough."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from models.assessment import Reason
from models.features.fingersticks import FingerstickReview, fingerstick_review
from models.features.sampling import DAY_MS, MINUTE_MS
from models.signals import GLUCOSE_SMBG
from models.time_series import TimeSeries, series_of

START_MS = 1_709_251_200_000
END_MS = START_MS + 14 * DAY_MS


def meter(hours: list[float], values: list[float]) -> TimeSeries:
    at_ms = START_MS + (np.array(hours) * 60 * MINUTE_MS).astype(np.int64)
    return series_of(GLUCOSE_SMBG, "mg/dL", at_ms, np.array(values, float))


def twice_a_day(days: int) -> TimeSeries:
    return meter([24 * d + h for d in range(days) for h in (7, 19)], [100.0, 200.0] * days)


def test_shares_are_of_readings_and_bands_are_strict_at_their_limits() -> None:
    review = fingerstick_review(meter([1, 2, 3, 4, 5, 6, 7, 8], [53, 54, 69, 70, 180, 181, 250, 251]), END_MS)
    shares = review.overall
    assert (shares.below_54_percent, shares.below_70_percent) == (12.5, 37.5)
    assert (shares.above_180_percent, shares.above_250_percent) == (37.5, 12.5)
    assert review.lowest_mgdl == 53
    assert review.newest_low_ms == START_MS + 3 * 60 * MINUTE_MS


def test_no_name_of_the_review_speaks_of_time_in_range() -> None:
    names = [field.name for field in dataclasses.fields(FingerstickReview)]
    assert not any("time_in" in name or "in_range" in name for name in names)


def test_readings_are_shared_out_over_the_day_on_the_patients_clock() -> None:
    review = fingerstick_review(twice_a_day(14), END_MS, zone="UTC")
    assert not isinstance(review.by_block, Reason) and not isinstance(review.fasting, Reason)
    assert {name: shares.readings for name, shares in review.by_block.items()} == {
        "night": 0, "morning": 14, "afternoon": 0, "evening": 14
    }  # fmt: skip
    assert review.by_block["evening"].above_180_percent == 100
    assert review.by_block["night"].mean_mgdl is None
    assert len(review.fasting) == 14


def test_without_a_zone_only_the_times_of_day_are_missing() -> None:
    review = fingerstick_review(twice_a_day(14), END_MS)
    assert isinstance(review.by_block, Reason) and isinstance(review.fasting, Reason)
    assert review.overall.mean_mgdl == 150


@pytest.mark.parametrize(("days", "sufficient"), [(6, False), (7, True)])
def test_a_review_needs_fourteen_readings_on_seven_days(days: int, sufficient: bool) -> None:
    review = fingerstick_review(twice_a_day(days), END_MS)
    assert (review.sufficient, review.why_not is None) == (sufficient, sufficient)


def test_a_copy_of_a_reading_counts_once() -> None:
    once = fingerstick_review(meter([7], [100]), END_MS)
    twice = fingerstick_review(meter([7, 7], [100, 100]), END_MS)
    assert twice.removed == {"copy": 1}
    assert replace(twice, removed={}) == once


def test_of_two_readings_at_one_instant_the_lower_counts_and_a_low_is_never_hidden() -> None:
    review = fingerstick_review(meter([7, 7], [180, 52]), END_MS)
    assert review.lowest_mgdl == 52 and review.overall.below_54_percent == 100


def test_no_reading_gives_no_share() -> None:
    review = fingerstick_review(meter([], []), END_MS)
    assert review.overall.below_70_percent is None and review.lowest_mgdl is None and not review.sufficient
