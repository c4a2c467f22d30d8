"""A lasting change of a daily value: a capped CUSUM over the days of the last week, with its onset.

Sits under every personal comparison of the vital-signs review. Method: Page, Biometrika 1954;41:100; the cap
on single days after Lucas and Crosier, Commun Stat Theory Methods 1982;11:2669.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.features.baseline import SD_PER_MAD

Array = NDArray[np.float64]

RECENT_DAYS: Final = 7
BASELINE_DAYS: Final = 21
FEWEST_BASELINE: Final = 7

ALLOWANCE_SD: Final = 1.0
"""Half of the smallest shift that is sought: two day-to-day SDs."""

CAP_SD: Final = 4.0
"""No single day counts more than this, so one odd day never passes a limit."""

LASTING_DAYS: Final = 2

TYPICAL_WEIGHT_DAYS: Final = 10.0
"""The spread of a person is pulled towards the typical one as if that had been seen on 10 days: a spread
from 7 days alone is off by half as often as not (our judgement)."""

FALSE_ALARMS: Final = 0.01
"""Share of reviews of a steady person in which one signal passes its limit in one direction."""

LIMIT_DAYS: Final = (7, 10, 14, 21)
LIMIT_SD: Final = (7.08, 5.86, 5.05, 4.36)
"""Limits for that share by days in the baseline, from `models.training.change_limits` (200,000 simulated
people; correlation of one day with the next 0.3; SDs of people spread by 30 % around the typical one)."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A person's usual level and day-to-day SD, from this many days."""

    level: float
    sd: float
    days: int

    def limit_sd(self) -> float:
        """Where the CUSUM of a change becomes a finding."""
        return float(np.interp(self.days, LIMIT_DAYS, LIMIT_SD))


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A CUSUM at its last day: its height in SDs, the limit, and the position of the first changed day.

    `direction` is +1 for a rise, -1 for a fall. `first` is None while the sum is zero.
    """

    direction: int
    height_sd: float
    limit_sd: float
    first: int | None

    @property
    def passed(self) -> bool:
        """Whether the change is a finding."""
        return self.height_sd > self.limit_sd


def spread_of(baseline: Array, typical_sd: float) -> Spread:
    """Median and SD (1.4826 x MAD, pulled towards `typical_sd`) of the baseline days, float64[n], n >= 1."""
    level = float(np.median(baseline))
    own = SD_PER_MAD * float(np.median(np.abs(baseline - level)))
    weight = TYPICAL_WEIGHT_DAYS
    sd = np.sqrt((baseline.size * own**2 + weight * typical_sd**2) / (baseline.size + weight))
    return Spread(level, float(sd), int(baseline.size))


def change_point(recent: Array, usual: Spread, direction: int) -> ChangePoint:
    """The CUSUM of the recent days, float64[m] in order of time; `direction` as in the answer.

    A change that is over is none: the last two days must lie beyond the allowance, or the sum is zero.
    """
    away = np.clip(direction * (recent - usual.level) / usual.sd, -CAP_SD, CAP_SD)
    height, first = 0.0, None
    for position, distance in enumerate(away.tolist()):
        height = max(0.0, height + distance - ALLOWANCE_SD)
        if not height:
            first = None
        elif first is None:
            first = position
    if away[-LASTING_DAYS:].mean() < ALLOWANCE_SD:
        height, first = 0.0, None
    return ChangePoint(direction, height, usual.limit_sd(), first)
