"""Glucose curves for simulated people whose glucose the type 1 simulator does not cover.

A descriptive shape, not physiology: a fasting level with a dawn rise and a night change, an excursion after
each meal, slow drift and sensor noise. Its numbers are chosen to look like published CGM days
(Hall 2018, PLOS Biology, for people without insulin), and no model is fitted on it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MEAL_HOURS: Final = (7.5, 12.5, 18.5)
MEAL_SIZES: Final = (1.0, 0.8, 1.1)
MEAL_SD_H: Final = 0.4
PEAK_H: Final = 1.25
"""Hours from a meal to the top of its excursion."""

DAWN_H, DAWN_SD_H = 6.5, 1.8
NIGHT_H, NIGHT_SD_H = 3.0, 1.2
DRIFT_MEMORY: Final = 0.985
"""Share of the drift that is left after five minutes: it forgets itself in about five hours."""

SENSOR_SD_MGDL: Final = 3.0
SLOTS_PER_DAY: Final = 288


@dataclass(frozen=True, slots=True)
class GlucoseShape:
    """One person's days: fasting level, top of a meal's excursion, changes by time of day, all in mg/dL."""

    fasting_mgdl: float
    meal_rise_mgdl: float
    dawn_rise_mgdl: float = 0.0
    night_change_mgdl: float = 0.0
    drift_sd_mgdl: float = 8.0


def draw_glucose_mgdl(shape: GlucoseShape, days: int, rng: np.random.Generator) -> Array:
    """What a sensor would show every five minutes from midnight, mg/dL, (days * 288,)."""
    hour = np.arange(days * SLOTS_PER_DAY) * 24.0 / SLOTS_PER_DAY
    of_day = hour % 24.0
    glucose = shape.fasting_mgdl + shape.dawn_rise_mgdl * _bell(of_day, DAWN_H, DAWN_SD_H)
    glucose += shape.night_change_mgdl * _bell(of_day, NIGHT_H, NIGHT_SD_H)
    glucose += shape.meal_rise_mgdl * _meals(hour, days, rng)
    glucose += _drift(hour.size, shape.drift_sd_mgdl, rng)
    return glucose + rng.normal(0.0, SENSOR_SD_MGDL, hour.size)


def _bell(of_day: Array, middle_h: float, sd_h: float) -> Array:
    curve: Array = np.exp(-0.5 * ((of_day - middle_h) / sd_h) ** 2)
    return curve


def _meals(hour: Array, days: int, rng: np.random.Generator) -> Array:
    """Sum of the excursions of all meals, 1 at the top of a usual meal."""
    total = np.zeros(hour.size)
    for usual_h, size in zip(MEAL_HOURS, MEAL_SIZES, strict=True):
        start_h = np.arange(days) * 24.0 + rng.normal(usual_h, MEAL_SD_H, days)
        for begun_h, scale in zip(start_h, size * rng.lognormal(0.0, 0.25, days), strict=True):
            since = np.maximum(hour - begun_h, 0.0) / PEAK_H
            total += scale * since**2 * np.exp(2.0 * (1.0 - since))
    return total


def _drift(slots: int, sd_mgdl: float, rng: np.random.Generator) -> Array:
    """A slow random walk around zero with this standard deviation."""
    steps = rng.normal(0.0, sd_mgdl * np.sqrt(1.0 - DRIFT_MEMORY**2), slots)
    drift = np.empty(slots)
    level = 0.0
    for slot, step in enumerate(steps):
        level = DRIFT_MEMORY * level + step
        drift[slot] = level
    return drift
