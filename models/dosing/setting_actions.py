"""The changes of type 1 settings that a review may consider, written as changes of insulin.

Sits between the value-of-action model, which ranks them, and the guards, which cross some out.
A change of +10 % means a tenth more insulin from that setting: basal x 1.1, carb ratio / 1.1, sensitivity /
1.1.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from models.dosing.setting_features import MEALS_H, NIGHT_H
from models.dosing.therapy import HOURS, Array, Therapy

STEPS_PERCENT = (-20, -10, 10)  # largest cut 20 %, largest rise 10 %

# The parts a therapy is taken apart into; a change is a vector of log insulin factors over them.
PARTS = ("basal_night", "basal_day", *(f"carb_ratio_{meal}" for meal in MEALS_H), "sensitivity")
# What a review may turn: one part, or several together as one setting.
SETTINGS: dict[str, tuple[str, ...]] = {
    "basal": ("basal_night", "basal_day"),
    "basal_night": ("basal_night",),
    "basal_day": ("basal_day",),
    "carb_ratio": tuple(f"carb_ratio_{meal}" for meal in MEALS_H),
    **{f"carb_ratio_{meal}": (f"carb_ratio_{meal}",) for meal in MEALS_H},
    "sensitivity": ("sensitivity",),
}


@dataclass(frozen=True, slots=True)
class SettingChange:
    """Up to two settings, each with its change of insulin in percent. No settings means no change."""

    settings: tuple[str, ...] = ()
    percent: tuple[int, ...] = ()

    @property
    def adds_insulin(self) -> bool:
        """Whether any part of it gives more insulin."""
        return any(p > 0 for p in self.percent)

    @property
    def log_factors(self) -> Array:
        """Natural logarithm of the insulin factor of each part, (6,)."""
        found = np.zeros(len(PARTS))
        for setting, percent in zip(self.settings, self.percent, strict=True):
            found[[PARTS.index(part) for part in SETTINGS[setting]]] = np.log1p(percent / 100.0)
        return found


NO_CHANGE = SettingChange()


def _kind(setting: str) -> str:
    return setting.removesuffix("_night").split("_")[0]


def all_changes() -> tuple[SettingChange, ...]:
    """No change, every single change, and every pair of changes of different kinds."""
    singles = [SettingChange((s,), (p,)) for s in SETTINGS for p in STEPS_PERCENT]
    pairs = [
        SettingChange(a.settings + b.settings, a.percent + b.percent)
        for a, b in combinations(singles, 2)
        if _kind(a.settings[0]) != _kind(b.settings[0])
    ]
    return (NO_CHANGE, *singles, *pairs)


def applied(therapy: Therapy, log_factors: Array) -> Therapy:
    """The settings after a change; `log_factors` is (n, 6) or (6,)."""
    factors = np.exp(np.atleast_2d(log_factors))
    hour = np.arange(HOURS)
    night = (hour >= NIGHT_H[0]) & (hour < NIGHT_H[1])
    basal = np.where(night, factors[:, :1], factors[:, 1:2])
    meal_of_hour = np.array([_meal_at(h) for h in range(HOURS)])
    return therapy.scaled(basal, 1.0 / factors[:, 2 + meal_of_hour], 1.0 / factors[:, -1:])


def _meal_at(hour: int) -> int:
    return next(i for i, (start, end) in enumerate(MEALS_H.values()) if (hour - start) % 24 < end - start)
