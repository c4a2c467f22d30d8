"""What the glucose risk models see: the features of one moment, from readings up to that moment only.

Sits between `causal_grid` and the additive models; training and serving compute them by this same code.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import (
    SLOT_MS,
    SLOTS_PER_DAY,
    SLOTS_PER_HOUR,
    Column,
    earlier,
    held,
    trailing_lowest,
    trailing_mean,
    trailing_sd,
    trailing_slope_per_min,
)

LOW_MGDL: Final = 70.0
"""Hypoglycaemia, level 1 (Battelino 2019, Diabetes Care 42:1593)."""

SENSOR_RANGE_MGDL: Final = (39.0, 401.0)
"""The data that the models learned from write 39 for "Low" and 401 for "High"."""

TYPICAL_MGDL: Final = 150.0
TYPICAL_CHANGE_MGDL: Final = 0.0

MINUTES_PER_SLOT: Final = SLOT_MS // 60_000

MEMORY_DAYS: Final = 14
"""The days that the longest window reads."""

SAME_TIME_SLOTS: Final = 24
"""Two hours: what followed this time of day on earlier days."""

STEEP_ENOUGH_PER_MIN: Final = -0.02
"""A flatter slope never reaches 70 mg/dL in a time worth stating."""

LONGEST_MIN: Final = 200.0
LONGEST_HOURS: Final = 72.0

FALLING: Final = frozenset(
    {"glucose_mgdl", "in_20_min_mgdl", "in_30_min_mgdl", "in_60_min_mgdl", "minutes_to_low",
     "margin_in_usual_changes", "margin_in_recent_changes"}
)  # fmt: skip
"""Features whose rise must never raise the risk of a low."""


def risk_features(measured: Column, at_slot: NDArray[np.int64]) -> dict[str, Column]:
    """The features at some slots of one person's readings: name -> float64[m], NaN where unknown.

    `measured` is float64[n] mg/dL on 5-minute slots, NaN where none was taken.
    """
    clipped = np.clip(measured, *SENSOR_RANGE_MGDL)
    glucose, age = held(clipped)
    columns = {"glucose_mgdl": glucose, "reading_age_min": np.minimum(age, 12.0) * MINUTES_PER_SLOT}
    columns |= _trend(glucose)
    columns |= _recent(glucose)
    columns |= _spread(glucose)
    columns |= _margins(columns)
    columns |= _lows_before(glucose)
    columns |= _same_time_before(glucose)
    return {name: column[at_slot] for name, column in columns.items()}


def _trend(glucose: Column) -> dict[str, Column]:
    columns = {
        f"change_{slots * MINUTES_PER_SLOT}_min_mgdl": glucose - earlier(glucose, slots)
        for slots in (1, 2, 3, 6, 12, 24)
    }
    quick, steady = trailing_slope_per_min(glucose, 4), trailing_slope_per_min(glucose, 7)
    return columns | {
        "slope_15_min_mgdl_per_min": quick,
        "slope_30_min_mgdl_per_min": steady,
        "slope_change_mgdl_per_min": quick - earlier(quick, 3),
        "in_20_min_mgdl": glucose + 20 * quick,
        "in_30_min_mgdl": glucose + 30 * quick,
        "in_60_min_mgdl": glucose + 60 * steady,
    }


def _recent(glucose: Column) -> dict[str, Column]:
    return {
        "lowest_1_h_mgdl": trailing_lowest(glucose, SLOTS_PER_HOUR),
        "lowest_3_h_mgdl": trailing_lowest(glucose, 3 * SLOTS_PER_HOUR),
        "highest_3_h_mgdl": -trailing_lowest(-glucose, 3 * SLOTS_PER_HOUR),
        "mean_1_h_mgdl": trailing_mean(glucose, SLOTS_PER_HOUR),
        "mean_6_h_mgdl": trailing_mean(glucose, 6 * SLOTS_PER_HOUR),
        "mean_24_h_mgdl": trailing_mean(glucose, SLOTS_PER_DAY),
    }


def _spread(glucose: Column) -> dict[str, Column]:
    half_hour, step = glucose - earlier(glucose, 6), glucose - earlier(glucose, 1)
    return {
        "sd_3_h_mgdl": trailing_sd(glucose, 3 * SLOTS_PER_HOUR, TYPICAL_MGDL),
        "sd_7_d_mgdl": trailing_sd(glucose, 7 * SLOTS_PER_DAY, TYPICAL_MGDL),
        "sd_5_min_change_1_h_mgdl": trailing_sd(step, SLOTS_PER_HOUR, TYPICAL_CHANGE_MGDL),
        "sd_30_min_change_7_d_mgdl": trailing_sd(half_hour, 7 * SLOTS_PER_DAY, TYPICAL_CHANGE_MGDL),
    }


def _margins(columns: dict[str, Column]) -> dict[str, Column]:
    """How far the projected glucose stays above 70 mg/dL: in minutes, and in this person's own changes."""
    margin = columns["in_30_min_mgdl"] - LOW_MGDL
    slope = np.minimum(columns["slope_15_min_mgdl_per_min"], STEEP_ENOUGH_PER_MIN)
    minutes = (columns["glucose_mgdl"] - LOW_MGDL) / -slope
    falling = columns["slope_15_min_mgdl_per_min"] < STEEP_ENOUGH_PER_MIN
    minutes = np.where(falling, np.minimum(minutes, LONGEST_MIN), LONGEST_MIN)
    return {
        "minutes_to_low": np.where(np.isnan(slope), np.nan, minutes),
        "margin_in_usual_changes": margin / np.maximum(columns["sd_30_min_change_7_d_mgdl"], 8.0),
        "margin_in_recent_changes": margin / np.maximum(columns["sd_5_min_change_1_h_mgdl"] * 6, 4.0),
    }


def _lows_before(glucose: Column) -> dict[str, Column]:
    low = np.where(np.isnan(glucose), np.nan, np.where(glucose < LOW_MGDL, 100.0, 0.0))
    return {
        "time_below_70_3_h_percent": trailing_mean(low, 3 * SLOTS_PER_HOUR),
        "time_below_70_24_h_percent": trailing_mean(low, SLOTS_PER_DAY),
        "time_below_70_7_d_percent": trailing_mean(low, 7 * SLOTS_PER_DAY),
        "lbgi_7_d": trailing_mean(_low_blood_glucose_risk(glucose), 7 * SLOTS_PER_DAY),
        "hours_since_low": _hours_since(low > 0),
    }


def _hours_since(low: NDArray[np.bool_]) -> Column:
    """Hours since the last low, at most `LONGEST_HOURS`; unknown where no low is in a shorter history."""
    here = np.arange(low.size)
    last = np.maximum.accumulate(np.where(low, here, -1))
    hours = np.minimum((here - last) / SLOTS_PER_HOUR, LONGEST_HOURS)
    return np.where((last < 0) & (hours < LONGEST_HOURS), np.nan, hours)


def _low_blood_glucose_risk(glucose: Column) -> Column:
    """Risk of each reading in the low blood glucose index (Kovatchev 2006, Diabetes Care 29:2433)."""
    scaled = 1.509 * (np.log(glucose) ** 1.084 - 5.381)
    risk: Column = 10 * np.minimum(scaled, 0.0) ** 2
    return risk


def _same_time_before(glucose: Column) -> dict[str, Column]:
    """What the two hours after this time of day brought on the days before: no clock or zone is needed."""
    low = np.where(np.isnan(glucose), np.nan, np.where(glucose < LOW_MGDL, 100.0, 0.0))
    ahead_low, ahead_lowest = trailing_mean(low, SAME_TIME_SLOTS), trailing_lowest(glucose, SAME_TIME_SLOTS)
    return {
        "same_time_below_70_14_d_percent": _days_before(ahead_low, MEMORY_DAYS),
        "same_time_lowest_7_d_mgdl": _days_before(ahead_lowest, 7),
        "same_time_change_14_d_mgdl": _days_before(
            ahead_lowest - earlier(glucose, SAME_TIME_SLOTS), MEMORY_DAYS
        ),
    }


def _days_before(two_hours_ending: Column, days: int) -> Column:
    """Mean over the days before of the two hours that began at this time of day."""
    total, count = np.zeros(two_hours_ending.size), np.zeros(two_hours_ending.size)
    for day in range(1, days + 1):
        then = earlier(two_hours_ending, day * SLOTS_PER_DAY - SAME_TIME_SLOTS)
        total, count = total + np.nan_to_num(then), count + ~np.isnan(then)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
