"""What each limit on a basal dose says, in words: for the card that names it, and for a refusal.

Beside basal titration; the names come from `models.dosing.limits` and from the rules of the table.
"""

from collections.abc import Mapping
from typing import Final

LIMIT_TEXTS: Final[Mapping[str, str]] = {
    "start": "the limit of a starting dose cut the number",
    "step": "the limit of one step cut the number",
    "ceiling": "the limit in units per kg cut the number (overbasalisation)",
    "product_maximum": "the highest daily dose of this product cut the number",
    "rounded_down": "the dose was rounded down to what the pen delivers",
    "not_negative": "no dose is below zero",
    "out_of_bounds": "a number that cannot be right was given to the limits",
    "no_dose_while_low": "no dose while glucose is low",
    "no_increase_after_low": "no increase after a low glucose",
    "no_increase_time_below_range": "no increase with this share of time in hypoglycaemia",
    "no_increase_before_interval": "the shortest time between two changes has not passed",
    "no_increase_above_ceiling": "no increase above the limit in units per kg a day (overbasalisation)",
    "table_interval": "the interval of the table since the last change has not passed",
    "table_low": "the table allows no increase after a glucose this low within the week",
    "low_fasting": "no increase after a fasting glucose below 70 mg/dL (3.9 mmol/L) within the week",
    "lows_answered": "no second reduction for lows before the last change of the dose",
    "brief_dip": "no increase, and no reduction, for a brief dip of the sensor",
    "cautious_goal": "no increase on the cautious fasting goal",
    "night_drop": "a fall from bedtime to morning speaks for overbasalisation",
    "variability": "wide variation speaks for another cause than too little basal insulin",
}

HELD_BY: Final[Mapping[str, str]] = {
    "lows_answered": "lows lie before the last change",
    "brief_dip": "a brief dip of the sensor, no episode",
    "cautious_goal": "on the cautious fasting goal",
    "no_increase_before_interval": "changed too lately to raise",
    "no_increase_above_ceiling": "above the limit in units per kg",
    "ceiling": "at the limit in units per kg",
    "product_maximum": "at the highest dose of this product",
    "table_interval": "changed too lately",
    "table_low": "a low glucose within the week",
    "low_fasting": "a low fasting glucose within the week",
    "night_drop": "glucose falls much overnight",
    "variability": "glucose varies widely",
}
"""In the summary, where the dose stays although the table asks for more."""


def none_left(limits: tuple[str, ...]) -> str:
    """Why no dose is left: the limits that took it, or a dose in use too small to lower."""
    if limits:
        return f"The limits of doses leave none: {'; '.join(LIMIT_TEXTS[name] for name in limits)}."
    return "The dose in use is too small to lower by 10 %: consider stopping it, or another insulin."
