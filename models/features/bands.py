"""Which side of a glucose limit a reading is on, decided on the number that the device showed.

Sits under every glycaemic feature; the only place where glucose is compared with a limit.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.time_series import TimeSeries
from models.units import round_native


@dataclass(frozen=True, slots=True)
class GlucoseLimit:
    """One limit as both kinds of device write it; neither number is computed from the other."""

    mgdl: float
    mmoll: float


# Limits and their pairs: Battelino et al., Diabetes Care 2019;42:1593 (consensus on time in range).
VERY_LOW: Final = GlucoseLimit(54, 3.0)
LOW_PREGNANCY: Final = GlucoseLimit(63, 3.5)
LOW: Final = GlucoseLimit(70, 3.9)
HIGH_TIGHT: Final = GlucoseLimit(140, 7.8)
HIGH: Final = GlucoseLimit(180, 10.0)
VERY_HIGH: Final = GlucoseLimit(250, 13.9)

GlucoseRange = tuple[GlucoseLimit, GlucoseLimit]
USUAL_RANGE: Final[GlucoseRange] = (LOW, HIGH)
PREGNANCY_RANGE: Final[GlucoseRange] = (LOW_PREGNANCY, HIGH_TIGHT)


@dataclass(frozen=True, slots=True)
class ShownGlucose:
    """Glucose as devices display it. `value` float64[n] in mg/dL, or mmol/L where `in_mmoll` is true."""

    value: NDArray[np.float64]
    in_mmoll: NDArray[np.bool_]

    def below(self, limit: GlucoseLimit) -> NDArray[np.bool_]:
        """Readings strictly below the limit; a reading on the limit is inside."""
        return self.value < self._in_own_unit(limit)

    def above(self, limit: GlucoseLimit) -> NDArray[np.bool_]:
        """Readings strictly above the limit; a reading on the limit is inside."""
        return self.value > self._in_own_unit(limit)

    def _in_own_unit(self, limit: GlucoseLimit) -> NDArray[np.float64] | float:
        """The limit as each reading's device writes it; one number where no device writes mmol/L."""
        return np.where(self.in_mmoll, limit.mmoll, limit.mgdl) if self.in_mmoll.any() else limit.mgdl


def shown_glucose(glucose: TimeSeries, as_displayed: bool = True) -> ShownGlucose:
    """The displayed numbers: whole mg/dL or mmol/L to one decimal.

    A censored reading lies beyond the number it carries, so "below 70" is moved one display step
    down and counts as low. `as_displayed=False` keeps all decimals: for simulated or research series
    whose mg/dL values no device rounded.
    """
    in_mmoll = np.array([unit == "mmol/L" for unit in glucose.native_units])[glucose.native_unit]
    value = glucose.native_value + glucose.censored * np.where(in_mmoll, 0.1, 1.0)
    if as_displayed:
        whole = round_native(value, "mg/dL")
        value = np.where(in_mmoll, round_native(value, "mmol/L"), whole) if in_mmoll.any() else whole
    return ShownGlucose(value, in_mmoll)
