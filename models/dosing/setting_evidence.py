"""Which directions of change the recorded nights and meals speak against, whatever a model expects.

Sits beside the guards; the limits are a clinician's reading of a fortnight (our judgement, after the rules of
`setting_rules`): no more insulin where lows follow it already, and no less where only highs do.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.dosing.setting_actions import PARTS, SettingChange
from models.dosing.setting_features import MEALS_H
from models.dosing.setting_rules import MEAL_LOW_PERCENT, NIGHT_TBR_PERCENT

# Lows so rare, with glucose so high, that less insulin in that part of the day has nothing to mend.
RARE_LOW_PERCENT, HIGH_MEAN_MGDL = 0.5, 140.0
RARE_MEAL_LOW_PERCENT, MEAL_HIGH_PERCENT = 5.0, 30.0
CORRECTIONS_TAR_PERCENT: Final = 10.0
HIGH_ENOUGH_MGDL: Final = 130.0
"""Of nights, and before meals: lower ones are no reason for more basal insulin, whatever meals do."""

DAY_BLOCKS: Final = ("06", "12", "18")


def spoken_against(features: Mapping[str, float], changes: Sequence[SettingChange]) -> NDArray[np.bool_]:
    """Whether each change goes against what was recorded in a part of the day that it touches, (changes,)."""
    turned = np.array([change.log_factors for change in changes])
    against: NDArray[np.bool_] = (_no_more(features) & (turned > 0.0)) | (_no_less(features) & (turned < 0.0))
    return np.asarray(against.any(axis=1))


def _no_more(features: Mapping[str, float]) -> NDArray[np.bool_]:
    day_low = np.mean([features[f"tbr_{block}"] for block in DAY_BLOCKS])
    before_meals = np.mean([features[f"{meal}_before"] for meal in MEALS_H])
    found = {
        "basal_night": features["tbr_00"] >= NIGHT_TBR_PERCENT or features["mean_00"] < HIGH_ENOUGH_MGDL,
        "basal_day": day_low >= NIGHT_TBR_PERCENT or before_meals < HIGH_ENOUGH_MGDL,
        "sensitivity": features["corrected_low"] >= MEAL_LOW_PERCENT,
        **{f"carb_ratio_{m}": features[f"{m}_low"] >= MEAL_LOW_PERCENT for m in MEALS_H},
    }
    return np.array([found[part] for part in PARTS], bool)


def _no_less(features: Mapping[str, float]) -> NDArray[np.bool_]:
    day_low = np.mean([features[f"tbr_{block}"] for block in DAY_BLOCKS])
    day_mean = np.mean([features[f"mean_{block}"] for block in DAY_BLOCKS])
    found = {
        "basal_night": features["tbr_00"] < RARE_LOW_PERCENT and features["mean_00"] > HIGH_MEAN_MGDL,
        "basal_day": day_low < RARE_LOW_PERCENT and day_mean > HIGH_MEAN_MGDL,
        "sensitivity": features["corrected_low"] < RARE_MEAL_LOW_PERCENT
        and features["tar"] > CORRECTIONS_TAR_PERCENT,
        **{f"carb_ratio_{m}": _only_high(features, m) for m in MEALS_H},
    }
    return np.array([found[part] for part in PARTS], bool)


def _only_high(features: Mapping[str, float], meal: str) -> bool:
    return features[f"{meal}_low"] < RARE_MEAL_LOW_PERCENT and features[f"{meal}_high"] >= MEAL_HIGH_PERCENT
