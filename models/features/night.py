"""Glucose of the nights, 00:00 to 05:59 on the patient's clock, and the rise before breakfast.

Sits over the hourly table; patterns, the risk of lows tonight and the command `features` read it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.features.hourly import HourlyGlucose

NIGHT_HOURS: Final = slice(0, 6)
"""Night is 00:00-05:59 (Danne et al., Diabetes Care 2017;40:1631)."""

NIGHT_MEASURED_MIN: Final = 252.0
"""A night counts with 70 % of its readings, the share asked of the whole window."""


@dataclass(frozen=True, slots=True)
class NightGlucose:
    """Nights of a window; shares are percent of the measured time of all nights, None without any.

    `nights_with_low` and `nights_with_very_low` count nights with an episode. `dawn_rise_mgdl` is the median
    over nights without a low.
    """

    nights: int
    nights_with_low: int
    nights_with_very_low: int
    low_percent: float | None
    very_low_percent: float | None
    high_percent: float | None
    lowest_mgdl: float | None
    dawn_rise_mgdl: float | None


def night_glucose(table: HourlyGlucose) -> NightGlucose:
    """The nights of an hourly table; `low_percent` is time inside episodes below 70 mg/dL."""
    measured = table.measured[:, NIGHT_HOURS].sum(axis=1)
    low, very_low = table.low[:, NIGHT_HOURS].sum(axis=1), table.very_low[:, NIGHT_HOURS].sum(axis=1)
    total = float(measured.sum())
    rise = dawn_rise_mgdl(table)

    def percent(minutes: NDArray[np.float64]) -> float | None:
        return float(100 * minutes.sum() / total) if total else None

    return NightGlucose(
        nights=int(np.count_nonzero((measured >= NIGHT_MEASURED_MIN) | (low > 0))),
        nights_with_low=int(np.count_nonzero(low)),
        nights_with_very_low=int(np.count_nonzero(very_low)),
        low_percent=percent(low),
        very_low_percent=percent(very_low),
        high_percent=percent(table.high[:, NIGHT_HOURS]),
        lowest_mgdl=float(np.nanmin(table.lowest_mgdl[:, NIGHT_HOURS])) if total else None,
        dawn_rise_mgdl=float(np.median(rise)) if rise.size else None,
    )


def dawn_rise_mgdl(table: HourlyGlucose) -> NDArray[np.float64]:
    """Rise of each night without a low from its lowest hour of 00-05 to the hour 05-06, float64[nights].

    A low in the night leaves it out: what follows may be a rebound. After Monnier et al., Diabetes Care
    2013;36:4057, who take the nocturnal nadir and the value before breakfast.
    """
    hours = table.mean_mgdl[:, NIGHT_HOURS]
    counted = ~np.isnan(hours).any(axis=1) & ~(table.low[:, NIGHT_HOURS] > 0).any(axis=1)
    rise: NDArray[np.float64] = hours[counted, -1] - hours[counted, :-1].min(axis=1)
    return rise
