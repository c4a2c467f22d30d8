"""The limits of the CUSUM, by simulating steady people and asking how often the sum passes.

Makes `models.risk.change_point.LIMIT_SD` again; the service never runs it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.features.baseline import SD_PER_MAD
from models.risk.change_point import (
    ALLOWANCE_SD,
    BASELINE_DAYS,
    CAP_SD,
    FALSE_ALARMS,
    LASTING_DAYS,
    LIMIT_DAYS,
    RECENT_DAYS,
    TYPICAL_WEIGHT_DAYS,
)

Array = NDArray[np.float64]

DAY_CORRELATION: Final = 0.3
SD_SPREAD: Final = 0.3
"""Day-to-day correlation, and SD of the log of people's own SDs around the typical one (our judgement)."""


def change_limits(seed: int, people: int) -> tuple[float, ...]:
    """The limit for each entry of LIMIT_DAYS, in SDs, rounded to two decimals."""
    rng = np.random.default_rng(seed)
    heights = [final_heights(steady_days(rng, people), days) for days in LIMIT_DAYS]
    return tuple(round(float(np.quantile(height, 1 - FALSE_ALARMS)), 2) for height in heights)


def steady_days(rng: np.random.Generator, people: int) -> Array:
    """Daily values of people in whom nothing changes, float64[people, 28], typical SD 1."""
    noise = rng.normal(size=(people, BASELINE_DAYS + RECENT_DAYS))
    values = noise.copy()
    for day in range(1, values.shape[1]):
        fresh = np.sqrt(1 - DAY_CORRELATION**2) * noise[:, day]
        values[:, day] = DAY_CORRELATION * values[:, day - 1] + fresh
    own: Array = np.exp(rng.normal(0, SD_SPREAD, (people, 1)))
    return values * own


def final_heights(values: Array, baseline_days: int) -> Array:
    """CUSUM at the last day with a baseline of so many days, float64[people]; `values` as above."""
    baseline = values[:, BASELINE_DAYS - baseline_days : BASELINE_DAYS]
    level = np.median(baseline, axis=1, keepdims=True)
    own = SD_PER_MAD * np.median(np.abs(baseline - level), axis=1, keepdims=True)
    weight = TYPICAL_WEIGHT_DAYS
    sd = np.sqrt((baseline_days * own**2 + weight) / (baseline_days + weight))
    away = np.clip((values[:, BASELINE_DAYS:] - level) / sd, -CAP_SD, CAP_SD)
    height = np.zeros(len(values))
    for day in range(RECENT_DAYS):
        height = np.maximum(0, height + away[:, day] - ALLOWANCE_SD)
    return np.where(away[:, -LASTING_DAYS:].mean(axis=1) >= ALLOWANCE_SD, height, 0.0)
