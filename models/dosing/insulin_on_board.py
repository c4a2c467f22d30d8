"""Insulin on board: the share of a dose that has yet to act, by the exponential insulin curve.

Used by the insulin effect, the bolus check and the simulator's bolus calculator; knows no patient and no
order.
Curve: LoopKit/LoopAlgorithm, exponential insulin model (Dragan Maksimovic), the same as in oref0 except for
the delay.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.dosing.insulin_doses import MS_PER_MIN, InsulinDoses, momentary
from models.dosing.schedule import Array


@dataclass(frozen=True, slots=True)
class InsulinCurve:
    """How long an insulin acts (from the end of the delay), when it acts most, and how late it begins;
    minutes.
    """

    duration_min: float
    peak_min: float
    delay_min: float = 10.0

    def __post_init__(self) -> None:
        if not 0.0 < self.peak_min < self.duration_min / 2.0:
            raise ValueError("the peak must lie between zero and half the duration")
        if self.delay_min < 0.0:
            raise ValueError("the delay must not be negative")

    @property
    def end_min(self) -> float:
        """Minutes after the dose at which nothing is left."""
        return self.delay_min + self.duration_min


# Presets of LoopAlgorithm (ExponentialInsulinModelPreset)
RAPID_ADULT = InsulinCurve(360.0, 75.0)
RAPID_CHILD = InsulinCurve(360.0, 65.0)
FIASP = InsulinCurve(360.0, 55.0)
LYUMJEV = InsulinCurve(360.0, 55.0)
AFREZZA = InsulinCurve(300.0, 29.0)


def remaining_fraction(minutes_after_dose: ArrayLike, curve: InsulinCurve = RAPID_ADULT) -> Array:
    """Share of a dose, 1 to 0, that has not acted yet, at each time after it (any shape, minutes)."""
    td, tp = curve.duration_min, curve.peak_min
    t = np.clip(np.asarray(minutes_after_dose, dtype=np.float64) - curve.delay_min, 0.0, td)
    tau = tp * (1.0 - tp / td) / (1.0 - 2.0 * tp / td)
    a = 2.0 * tau / td
    scale = 1.0 / (1.0 - a + (1.0 + a) * np.exp(-td / tau))
    curvature = (t**2 / (tau * td * (1.0 - a)) - t / tau - 1.0) * np.exp(-t / tau) + 1.0
    left: Array = 1.0 - scale * (1.0 - a) * curvature
    return np.where(t >= td, 0.0, left)


def insulin_on_board_u(doses: InsulinDoses, at_ms: ArrayLike, curve: InsulinCurve = RAPID_ADULT) -> Array:
    """Insulin that was delivered and has not acted yet at each instant, U, same shape as `at_ms`.

    Only insulin delivered by then counts: a dose that lies ahead adds nothing.
    """
    parts = momentary(doses)
    minutes = (np.asarray(at_ms, np.int64)[..., None] - parts.at_ms) / MS_PER_MIN
    left = np.where(minutes >= 0.0, remaining_fraction(minutes, curve), 0.0)
    return np.asarray(left @ parts.units)
