"""What the models of the next two hours see: the recent features, the sensor's noise, the hour.

Sits under `hypoglycemia` and `hyperglycemia`; training and serving compute the features by this same code.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from models.risk.causal_grid import (
    HOLD_SLOTS,
    MINUTES_PER_SLOT,
    SLOTS_PER_DAY,
    SLOTS_PER_HOUR,
    Column,
    Slots,
    Trailing,
    earlier,
    held,
    trailing_lowest,
)
from models.risk.glucose_episodes import HIGH_MGDL
from models.risk.glucose_risk_features import (
    LONGEST_MIN,
    SAME_TIME_SLOTS,
    SENSOR_RANGE_MGDL,
    STEEP_ENOUGH_PER_MIN,
    hours_since,
    mean_of_days,
    recent_features,
    risk_features,
)

NOISE_SLOTS: Final = 2 * SLOTS_PER_HOUR
SAME_TIME_DAYS: Final = 7

HIGH_DIRECTIONS: Final[Mapping[str, int]] = {
    "glucose_mgdl": 1, "in_30_min_mgdl": 1, "in_60_min_mgdl": 1, "minutes_to_high": -1,
    "margin_in_usual_changes": -1, "margin_in_recent_changes": -1,
    "time_above_250_24_h_percent": 1, "time_above_250_7_d_percent": 1,
    "same_time_highest_7_d_mgdl": 1, "same_time_above_250_7_d_percent": 1,
}  # fmt: skip
"""Features whose rise may only lower (-1) or only raise (1) the risk of a high."""


def hypoglycemia_features(
    measured: Column, at_slot: Slots, first_clock_slot: int | None = None
) -> dict[str, Column]:
    """The features at some slots of one person's readings: name -> float64[m], NaN where unknown.

    `measured` is float64[n] mg/dL on 5-minute slots, NaN where none was taken; `first_clock_slot` is the
    slot of the patient's day at which it begins, where the time zone is known.
    """
    _, at = _at_readings(measured, at_slot)
    return risk_features(measured, at_slot) | _noise(measured, at) | _clock(at_slot, first_clock_slot)


def hyperglycemia_features(
    measured: Column, at_slot: Slots, first_clock_slot: int | None = None
) -> dict[str, Column]:
    """The same for a high: arguments and result as of `hypoglycemia_features`."""
    glucose, at = _at_readings(measured, at_slot)
    recent = recent_features(np.clip(measured, *SENSOR_RANGE_MGDL), glucose, at)
    age_min = np.minimum(at_slot - at, HOLD_SLOTS) * float(MINUTES_PER_SLOT)
    return (
        recent
        | {"reading_age_min": age_min}
        | _projections(recent, age_min)
        | _highs_before(glucose, at)
        | _noise(measured, at)
        | _clock(at_slot, first_clock_slot)
    )


def _at_readings(measured: Column, at_slot: Slots) -> tuple[Column, Slots]:
    """Glucose as held, and the slot of the newest reading at each question."""
    glucose, age = held(np.clip(measured, *SENSOR_RANGE_MGDL))
    return glucose, np.maximum(at_slot - age[at_slot], 0)


def _projections(features: Mapping[str, Column], age_min: Column) -> dict[str, Column]:
    """Where the present slope leads, and how far that stays below 250 mg/dL."""
    glucose, quick = features["glucose_mgdl"], features["slope_15_min_mgdl_per_min"]
    in_30 = glucose + (30 + age_min) * quick
    margin = HIGH_MGDL - in_30
    rising = quick > -STEEP_ENOUGH_PER_MIN
    minutes = (HIGH_MGDL - glucose) / np.where(rising, quick, 1.0) - age_min
    reached = np.where(rising, np.minimum(minutes, LONGEST_MIN), LONGEST_MIN)
    return {
        "in_30_min_mgdl": in_30,
        "in_60_min_mgdl": glucose + (60 + age_min) * features["slope_30_min_mgdl_per_min"],
        "minutes_to_high": np.where(np.isnan(quick), np.nan, reached),
        "margin_in_usual_changes": margin / np.maximum(features["sd_30_min_change_7_d_mgdl"], 8.0),
        "margin_in_recent_changes": margin / np.maximum(features["sd_15_min_change_1_h_mgdl"] * 2, 4.0),
    }


def _highs_before(glucose: Column, at: Slots) -> dict[str, Column]:
    above = np.where(np.isnan(glucose), np.nan, np.where(glucose > HIGH_MGDL, 100.0, 0.0))
    high = Trailing.of(above)
    ended = at - np.arange(1, SAME_TIME_DAYS + 1)[:, None] * SLOTS_PER_DAY + SAME_TIME_SLOTS
    highest = -trailing_lowest(-glucose, SAME_TIME_SLOTS, ended)
    return {
        "highest_1_h_mgdl": -trailing_lowest(-glucose, SLOTS_PER_HOUR, at),
        "highest_12_h_mgdl": -trailing_lowest(-glucose, 12 * SLOTS_PER_HOUR, at),
        "time_above_250_24_h_percent": high.mean(SLOTS_PER_DAY, at),
        "time_above_250_7_d_percent": high.mean(7 * SLOTS_PER_DAY, at),
        "hours_since_high": hours_since(glucose > HIGH_MGDL)[at],
        "same_time_highest_7_d_mgdl": mean_of_days(highest),
        "same_time_above_250_7_d_percent": mean_of_days(high.mean(SAME_TIME_SLOTS, ended)),
    }


def _noise(measured: Column, at: Slots) -> dict[str, Column]:
    """How far each reading lies off the line through the two before it: what a smooth curve does not do."""
    readings = np.clip(measured, *SENSOR_RANGE_MGDL)
    bend = np.abs(readings - 2 * earlier(readings, 1) + earlier(readings, 2))
    return {"sensor_noise_2_h_mgdl": Trailing.of(bend).mean(NOISE_SLOTS, at)}


def _clock(at_slot: Slots, first_clock_slot: int | None) -> dict[str, Column]:
    if first_clock_slot is None:
        return {"hour_of_day": np.full(at_slot.size, np.nan)}
    return {"hour_of_day": (first_clock_slot + at_slot) % SLOTS_PER_DAY / SLOTS_PER_HOUR}
