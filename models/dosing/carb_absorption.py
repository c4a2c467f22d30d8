"""Carbohydrate absorption as modelled: how much of a meal has reached the blood after a while.

Sits under the observed (dynamic) absorption. Curves: LoopKit/LoopAlgorithm, CarbMath (MIT).
"""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from models.dosing.insulin_doses import MS_PER_MIN
from models.dosing.schedule import Array

DEFAULT_ABSORPTION_MIN = 180.0
EFFECT_DELAY_MIN = 10.0


@dataclass(frozen=True, slots=True)
class AbsorptionCurve:
    """Absorption rate over the absorption time: rises until `rise_end`, level, falls from `fall_start` to
    1.
    """

    rise_end: float
    fall_start: float

    @property
    def _scale(self) -> float:
        return 2.0 / (1.0 + self.fall_start - self.rise_end)

    def absorbed_fraction(self, time_fraction: ArrayLike) -> Array:
        """Share of the meal absorbed after this share of its absorption time (any shape)."""
        t = np.asarray(time_fraction, np.float64)
        rising = np.clip(t, 0.0, self.rise_end)
        level = np.clip(t, self.rise_end, self.fall_start) - self.rise_end
        falling = np.clip(t, self.fall_start, 1.0) - self.fall_start
        ramp_up = 0.5 * rising**2 * _inverse(self.rise_end)
        ramp_down = falling * (1.0 - 0.5 * falling * _inverse(1.0 - self.fall_start))
        return np.where(t >= 1.0, 1.0, self._scale * (ramp_up + level + ramp_down))

    def time_fraction(self, absorbed_fraction: float) -> float:
        """Share of the absorption time after which this share of the meal is absorbed."""
        a, scale = absorbed_fraction, self._scale
        if a <= 0.0 or a >= 1.0:
            return float(a >= 1.0)
        if a < 0.5 * scale * self.rise_end:
            return float(np.sqrt(2.0 * self.rise_end * a / scale))
        if a < scale * (self.fall_start - 0.5 * self.rise_end):
            return 0.5 * self.rise_end + a / scale
        return 1.0 - float(np.sqrt((1.0 - self.fall_start) * 2.0 / scale * (1.0 - a)))

    def rate(self, time_fraction: float) -> float:
        """Absorption rate relative to the average rate, at this share of the absorption time."""
        t = time_fraction
        if t <= 0.0 or t >= 1.0:
            return 0.0
        rise = t * _inverse(self.rise_end) if t < self.rise_end else 1.0
        fall = (1.0 - t) * _inverse(1.0 - self.fall_start) if t >= self.fall_start else 1.0
        return self._scale * min(rise, fall)


LINEAR = AbsorptionCurve(0.0, 1.0)
PIECEWISE_LINEAR = AbsorptionCurve(0.15, 0.5)


@dataclass(frozen=True, slots=True)
class CarbEntry:
    """Carbohydrate as entered: when, how much, and how long its absorption is expected to take; ValueError
    where that is no amount or no while.
    """

    at_ms: int
    grams: float
    absorption_min: float = DEFAULT_ABSORPTION_MIN

    def __post_init__(self) -> None:
        if not (0.0 <= self.grams < inf and 0.0 < self.absorption_min < inf):
            raise ValueError("carbohydrate is an amount that is absorbed in some while")


def absorbed_g(
    entry: CarbEntry,
    at_ms: ArrayLike,
    curve: AbsorptionCurve = PIECEWISE_LINEAR,
    delay_min: float = EFFECT_DELAY_MIN,
) -> Array:
    """Carbohydrate of this entry expected to be absorbed by each instant, g, same shape as `at_ms`."""
    minutes = (np.asarray(at_ms, np.int64) - entry.at_ms) / MS_PER_MIN - delay_min
    return entry.grams * curve.absorbed_fraction(minutes / entry.absorption_min)


def _inverse(x: float) -> float:
    return 1.0 / x if x > 0.0 else 0.0
