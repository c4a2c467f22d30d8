"""What the glucose forecast sees: the last hours as differences from the newest reading, and the days before.

Sits under `glucose_forecast`; training and serving compute features by this same code, from the past alone.
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
from models.risk.hypoglycemia_limits import ENOUGH_READINGS, RECENT_SLOTS

SENSOR_RANGE_MGDL: Final = (39.0, 401.0)
"""The data that the model learned from write 39 for "Low" and 401 for "High"."""

TYPICAL_MGDL: Final = 150.0

LAGS: Final = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 30, 36)
"""Slots before the newest reading whose difference from it is seen."""

QUICK: Final = 4
STEADY: Final = 7
"""Slots that the slopes over 15 and 30 minutes look at."""

HALF_HOUR: Final = 6
SAME_TIME_DAYS: Final = 7

UNKNOWN: Final = -9999.0
"""Where a tree finds what is not known: below every value that is."""

DIGITS: Final = 3
"""Features are rounded, so that a threshold between two of them can be written shortly."""


def forecast_features(measured: Column, at_slot: Slots) -> dict[str, Column]:
    """The features at some slots of one person's readings: name -> float64[m], NaN where unknown.

    `measured` is float64[n] mg/dL on 5-minute slots, NaN where none was taken. All are those of the newest
    reading for as long as it is held; lags that are not known repeat the one after them.
    """
    readings = np.clip(measured, *SENSOR_RANGE_MGDL)
    glucose, age = held(readings)
    at = np.maximum(at_slot - age[at_slot], 0)
    sums = Trailing.of(glucose, TYPICAL_MGDL)
    features = _last_hours(readings, glucose, sums, at)
    features |= _around(glucose, sums, at) | _days_before(glucose, sums, at)
    features["reading_age_min"] = np.minimum(age[at_slot], HOLD_SLOTS) * float(MINUTES_PER_SLOT)
    return _rounded(features)


def recent_features(measured: Column, at_slot: Slots) -> dict[str, Column]:
    """Those of the features that the interval needs at every question of the last weeks."""
    readings = np.clip(measured, *SENSOR_RANGE_MGDL)
    glucose, age = held(readings)
    sums = Trailing.of(glucose, TYPICAL_MGDL)
    return _rounded(_last_hours(readings, glucose, sums, np.maximum(at_slot - age[at_slot], 0)))


def answerable(measured: Column, at_slot: Slots) -> NDArray[np.bool_]:
    """Whether a reading still stands at each slot, and enough of the three hours before it was observed."""
    glucose, age = held(measured)
    enough = Trailing.of(glucose).known(RECENT_SLOTS, at_slot) >= ENOUGH_READINGS
    return (age[at_slot] <= HOLD_SLOTS) & enough


def matrix(features: Mapping[str, Column]) -> NDArray[np.float64]:
    """Features as the trees take them: float64[m, features], `UNKNOWN` where not known."""
    columns = np.stack(list(features.values()), axis=1)
    return np.where(np.isnan(columns), UNKNOWN, columns)


def _rounded(features: Mapping[str, Column]) -> dict[str, Column]:
    return {name: np.round(column, DIGITS) for name, column in features.items()}


def _last_hours(readings: Column, glucose: Column, sums: Trailing, at: Slots) -> dict[str, Column]:
    now = glucose[at]
    found = {
        "glucose_mgdl": now,
        "slope_15_min_mgdl_per_min": slope_per_min(readings, QUICK, at),
        "slope_30_min_mgdl_per_min": slope_per_min(readings, STEADY, at),
        "sd_1_h_mgdl": sums.sd(SLOTS_PER_HOUR, at),
        "sd_3_h_mgdl": sums.sd(RECENT_SLOTS, at),
        "sd_24_h_mgdl": sums.sd(SLOTS_PER_DAY, at),
        "above_mean_24_h_mgdl": now - sums.mean(SLOTS_PER_DAY, at),
    }
    change = np.zeros(at.size)
    for slots in LAGS:
        before = at_slots(glucose, at - slots)
        change = np.where(np.isnan(before), change, now - before)
        found[f"change_since_{slots * MINUTES_PER_SLOT}_min_mgdl"] = change
    return found


def _around(glucose: Column, sums: Trailing, at: Slots) -> dict[str, Column]:
    """How the last hours lay around the newest reading."""
    now = glucose[at]
    return {
        "above_mean_6_h_mgdl": now - sums.mean(6 * SLOTS_PER_HOUR, at),
        "above_lowest_3_h_mgdl": now - trailing_lowest(glucose, RECENT_SLOTS, at),
        "below_highest_3_h_mgdl": -trailing_lowest(-glucose, RECENT_SLOTS, at) - now,
    }


def _days_before(glucose: Column, sums: Trailing, at: Slots) -> dict[str, Column]:
    """The person's own level and restlessness, and what followed this time of day on the days before."""
    now = glucose[at]
    restless = Trailing.of(glucose - earlier(glucose, HALF_HOUR))
    days = np.arange(1, SAME_TIME_DAYS + 1)[:, None] * SLOTS_PER_DAY
    then = at_slots(glucose, at - days)
    return {
        "above_mean_7_d_mgdl": now - sums.mean(7 * SLOTS_PER_DAY, at),
        "sd_30_min_change_7_d_mgdl": restless.sd(7 * SLOTS_PER_DAY, at),
        "same_time_1_h_change_mgdl": _mean_of_days(at_slots(glucose, at - days + SLOTS_PER_HOUR) - then),
        "same_time_2_h_change_mgdl": _mean_of_days(at_slots(glucose, at - days + 2 * SLOTS_PER_HOUR) - then),
    }


def _mean_of_days(of_days: Column) -> Column:
    """Mean over the days that are known, float64[days, m] to float64[m]."""
    known = ~np.isnan(of_days)
    count, total = known.sum(axis=0), np.where(known, of_days, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
