"""Hand-written rules for type 1 settings: lows first, then nights, then meals. The plain alternative to a
learned model.

Sits on setting features; proposes at most two changes a review, of 10 % (20 % less where lows are long and
severe). Order of thought as in clinical practice: fix lows before highs, basal by the night, carb ratios by
the meals: one meal's where one meal is the cause, the whole ratio where all are.
"""

from collections.abc import Mapping

import numpy as np

from models.dosing.setting_actions import SettingChange
from models.dosing.setting_features import MEALS_H

# Consensus targets for adults (Battelino et al., Diabetes Care 2019;42:1593)
TBR_TARGET_PERCENT, TBR54_TARGET_PERCENT = 4.0, 1.0
LONG_TBR54_PERCENT = 5.0  # from here on a cut is 20 %, below it 10 % (our judgement)
# When a night or a meal is taken to be the cause
NIGHT_TBR_PERCENT, NIGHT_MEAN_MGDL = 2.0, 145.0
CORRECTED_SHARE = 0.2
MEAL_LOW_PERCENT, MEAL_CHANGE_MGDL, BEFORE_MEAL_MGDL = 10.0, 20.0, 150.0


def propose_by_rules(features: Mapping[str, float]) -> SettingChange:
    """The change that the rules propose for one patient's features."""
    if features["tbr"] > TBR_TARGET_PERCENT or features["tbr54"] > TBR54_TARGET_PERCENT:
        return _against_lows(features)
    return _against_highs(features)


def _against_lows(features: Mapping[str, float]) -> SettingChange:
    cut = -20 if features["tbr54"] > LONG_TBR54_PERCENT else -10
    found = {}
    if features["tbr_00"] > NIGHT_TBR_PERCENT and features["mean_00"] < NIGHT_MEAN_MGDL:
        found["basal"] = cut
    if features["uncorrected_low"] > max(features["corrected_low"], MEAL_LOW_PERCENT):
        low = [meal for meal in MEALS_H if features[f"{meal}_low"] > MEAL_LOW_PERCENT]
        found[f"carb_ratio_{low[0]}" if len(low) == 1 else "carb_ratio"] = cut
    elif features["corrected_share"] > CORRECTED_SHARE or not found:
        found["sensitivity"] = cut  # lows hours after a correction
    return SettingChange(tuple(found), tuple(found.values()))


def _against_highs(features: Mapping[str, float]) -> SettingChange:
    found = {}
    before = np.mean([features[f"{meal}_before"] for meal in MEALS_H])
    if features["tbr_00"] < NIGHT_TBR_PERCENT and (
        features["mean_00"] > NIGHT_MEAN_MGDL or before > BEFORE_MEAL_MGDL
    ):
        found["basal"] = 10
    high = [meal for meal in MEALS_H if _rises(features, meal)]
    if len(high) == len(MEALS_H):
        found["carb_ratio"] = 10
    elif high:
        found[f"carb_ratio_{max(high, key=lambda meal: features[f'{meal}_change'])}"] = 10
    return SettingChange(tuple(found), tuple(found.values()))


def _rises(features: Mapping[str, float], meal: str) -> bool:
    return features[f"{meal}_change"] > MEAL_CHANGE_MGDL and features[f"{meal}_low"] < MEAL_LOW_PERCENT
