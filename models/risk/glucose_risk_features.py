"""What the glucose risk models see: the features of one moment, from readings up to that moment only.

Sits between `causal_grid` and the additive models; training and serving compute them by this same code.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import (
    HOLD_SLOTS,
    MINUTES_PER_SLOT,
    SLOTS_PER_DAY,
    SLOTS_PER_HOUR,
    Column,
    Slots,
    Trailing,
    at_slots,
    earlier,
    held,
    slope_per_min,
    trailing_lowest,
)
from models.risk.glucose_episodes import LOW_MGDL
from models.risk.similar_moments import similar_moments

SENSOR_RANGE_MGDL: Final = (39.0, 401.0)
"""The data that the models learned from write 39 for "Low" and 401 for "High"."""

TYPICAL_MGDL: Final = 150.0

MEMORY_DAYS: Final = 14
"""The days that the longest window reads."""

QUICK: Final = 4
STEADY: Final = 7
"""Slots that the slopes over 15 and 30 minutes look at."""

SAME_TIME_SLOTS: Final = 24
"""Two hours: what followed this time of day on earlier days."""

STEEP_ENOUGH_PER_MIN: Final = -0.02
"""A flatter slope never reaches 70 mg/dL in a time worth stating."""

LONGEST_MIN: Final = 200.0
LONGEST_HOURS: Final = 72.0

DIRECTIONS: Final[Mapping[str, int]] = {
    "glucose_mgdl": -1, "in_20_min_mgdl": -1, "in_30_min_mgdl": -1, "in_60_min_mgdl": -1,
    "minutes_to_low": -1, "margin_in_usual_changes": -1, "margin_in_recent_changes": -1,
    "same_time_lowest_7_d_mgdl": -1,
    "time_below_70_24_h_percent": 1, "time_below_70_7_d_percent": 1, "time_below_70_14_d_percent": 1,
    "lbgi_24_h": 1, "lbgi_7_d": 1, "same_time_below_70_14_d_percent": 1, "similar_followed_by_low_percent": 1,
}  # fmt: skip
"""Features whose rise may only lower (-1) or only raise (1) the risk: more glucose, or more lows before."""


def risk_features(measured: Column, at_slot: Slots) -> dict[str, Column]:
    """The features at some slots of one person's readings: name -> float64[m], NaN where unknown.

    `measured` is float64[n] mg/dL on 5-minute slots, NaN where none was taken.
    """
    readings = np.clip(measured, *SENSOR_RANGE_MGDL)
    glucose, age = held(readings)
    at = np.maximum(at_slot - age[at_slot], 0)
    features = recent_features(readings, glucose, at) | _same_time_before(glucose, at)
    features |= similar_moments(glucose, slope_per_min(readings, QUICK, np.arange(glucose.size)), at)
    age_min = np.minimum(age[at_slot], HOLD_SLOTS) * float(MINUTES_PER_SLOT)
    return features | {"reading_age_min": age_min} | _projections(features, age_min)


def recent_features(readings: Column, glucose: Column, at: Slots) -> dict[str, Column]:
    """The trend, the last hours and days, the spread and the lows before, as of readings at `at`.

    All are those of the newest reading for as long as it is held.
    """
    sums = Trailing.of(glucose, TYPICAL_MGDL)
    return (
        {"glucose_mgdl": glucose[at]}
        | _trend(readings, glucose, at)
        | _recent(glucose, sums, at)
        | _spread(glucose, sums, at)
        | _lows_before(glucose, at)
    )


def _trend(readings: Column, glucose: Column, at: Slots) -> dict[str, Column]:
    exact = {f"change_{n * 5}_min_mgdl": readings[at] - at_slots(readings, at - n) for n in (1, 2)}
    rough = {f"change_{n * 5}_min_mgdl": glucose[at] - at_slots(glucose, at - n) for n in (3, 6, 12, 24)}
    quick = slope_per_min(readings, QUICK, at)
    slopes = {
        "slope_15_min_mgdl_per_min": quick,
        "slope_30_min_mgdl_per_min": slope_per_min(readings, STEADY, at),
        "slope_change_mgdl_per_min": quick - slope_per_min(readings, QUICK, at - 3),
    }
    return exact | rough | slopes


def _recent(glucose: Column, sums: Trailing, at: Slots) -> dict[str, Column]:
    return {
        "lowest_1_h_mgdl": trailing_lowest(glucose, SLOTS_PER_HOUR, at),
        "lowest_3_h_mgdl": trailing_lowest(glucose, 3 * SLOTS_PER_HOUR, at),
        "lowest_12_h_mgdl": trailing_lowest(glucose, 12 * SLOTS_PER_HOUR, at),
        "highest_3_h_mgdl": -trailing_lowest(-glucose, 3 * SLOTS_PER_HOUR, at),
        "mean_1_h_mgdl": sums.mean(SLOTS_PER_HOUR, at),
        "mean_6_h_mgdl": sums.mean(6 * SLOTS_PER_HOUR, at),
        "mean_24_h_mgdl": sums.mean(SLOTS_PER_DAY, at),
        "mean_7_d_mgdl": sums.mean(7 * SLOTS_PER_DAY, at),
    }


def _spread(glucose: Column, sums: Trailing, at: Slots) -> dict[str, Column]:
    half_hour, quarter = (Trailing.of(glucose - earlier(glucose, slots)) for slots in (6, 3))
    return {
        "sd_3_h_mgdl": sums.sd(3 * SLOTS_PER_HOUR, at),
        "sd_7_d_mgdl": sums.sd(7 * SLOTS_PER_DAY, at),
        "sd_15_min_change_1_h_mgdl": quarter.sd(SLOTS_PER_HOUR, at),
        "sd_30_min_change_7_d_mgdl": half_hour.sd(7 * SLOTS_PER_DAY, at),
    }


def _lows_before(glucose: Column, at: Slots) -> dict[str, Column]:
    low = Trailing.of(below_percent(glucose))
    index = Trailing.of(low_blood_glucose_risk(glucose))
    return {
        "time_below_70_3_h_percent": low.mean(3 * SLOTS_PER_HOUR, at),
        "time_below_70_24_h_percent": low.mean(SLOTS_PER_DAY, at),
        "time_below_70_7_d_percent": low.mean(7 * SLOTS_PER_DAY, at),
        "time_below_70_14_d_percent": low.mean(MEMORY_DAYS * SLOTS_PER_DAY, at),
        "lbgi_24_h": index.mean(SLOTS_PER_DAY, at),
        "lbgi_7_d": index.mean(7 * SLOTS_PER_DAY, at),
        "hours_since_low": hours_since(glucose < LOW_MGDL)[at],
    }


def below_percent(glucose: Column) -> Column:
    """100 where glucose is below 70 mg/dL, 0 where it is not, NaN where it is unknown."""
    return np.where(np.isnan(glucose), np.nan, np.where(glucose < LOW_MGDL, 100.0, 0.0))


def hours_since(flag: NDArray[np.bool_]) -> Column:
    """Hours since the last flag, at most `LONGEST_HOURS`; unknown where none is in a shorter history."""
    here = np.arange(flag.size)
    last = np.maximum.accumulate(np.where(flag, here, -1))
    hours = np.minimum((here - last) / SLOTS_PER_HOUR, LONGEST_HOURS)
    return np.where((last < 0) & (hours < LONGEST_HOURS), np.nan, hours)


def low_blood_glucose_risk(glucose: Column) -> Column:
    """Risk of each reading in the low blood glucose index (Kovatchev 2006, Diabetes Care 29:2433)."""
    scaled = 1.509 * (np.log(glucose) ** 1.084 - 5.381)
    risk: Column = 10 * np.minimum(scaled, 0.0) ** 2
    return risk


def _same_time_before(glucose: Column, at: Slots) -> dict[str, Column]:
    """What the two hours after this time of day brought on the days before: no clock or zone is needed."""
    back = np.arange(1, MEMORY_DAYS + 1)[:, None] * SLOTS_PER_DAY
    then, ended = at - back, at - back + SAME_TIME_SLOTS
    low = Trailing.of(below_percent(glucose)).mean(SAME_TIME_SLOTS, ended)
    lowest = trailing_lowest(glucose, SAME_TIME_SLOTS, ended)
    return {
        "same_time_below_70_14_d_percent": mean_of_days(low),
        "same_time_lowest_7_d_mgdl": mean_of_days(lowest[:7]),
        "same_time_change_14_d_mgdl": mean_of_days(lowest - at_slots(glucose, then)),
    }


def mean_of_days(of_days: Column) -> Column:
    """Mean over the days that are known, float64[days, m] to float64[m]."""
    known = ~np.isnan(of_days)
    count = known.sum(axis=0)
    total = np.where(known, of_days, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _projections(features: dict[str, Column], age_min: Column) -> dict[str, Column]:
    """Where the present slope leads, and how far that stays above 70 mg/dL.

    The margin is stated in minutes, and in this person's own usual and recent changes.
    """
    glucose, quick = features["glucose_mgdl"], features["slope_15_min_mgdl_per_min"]
    in_30 = glucose + (30 + age_min) * quick
    margin = in_30 - LOW_MGDL
    return {
        "in_20_min_mgdl": glucose + (20 + age_min) * quick,
        "in_30_min_mgdl": in_30,
        "in_60_min_mgdl": glucose + (60 + age_min) * features["slope_30_min_mgdl_per_min"],
        "minutes_to_low": _minutes_to_low(glucose, quick, age_min),
        "margin_in_usual_changes": margin / np.maximum(features["sd_30_min_change_7_d_mgdl"], 8.0),
        "margin_in_recent_changes": margin / np.maximum(features["sd_15_min_change_1_h_mgdl"] * 2, 4.0),
    }


def _minutes_to_low(glucose: Column, slope: Column, age_min: Column) -> Column:
    """Minutes until the line reaches 70 mg/dL, at most `LONGEST_MIN`, which also stands for never."""
    falling = slope < STEEP_ENOUGH_PER_MIN
    minutes = (glucose - LOW_MGDL) / np.where(falling, -slope, 1.0) - age_min
    reached = np.where(falling, np.minimum(minutes, LONGEST_MIN), LONGEST_MIN)
    return np.where(np.isnan(slope), np.nan, reached)
