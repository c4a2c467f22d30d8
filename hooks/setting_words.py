"""How type 1 settings, changes of them and what was seen of them read on a card.

Under the cards of the service `setting-adjustment`; one word for one thing, insulin always in units.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hooks import wording
from models.dosing.dose_format import stated_units_text
from models.dosing.insulin_habits import Habit
from models.dosing.setting_actions import SettingChange
from models.dosing.setting_advice import SettingAdvice
from models.dosing.setting_features import MEALS_H, NIGHT_H
from models.dosing.therapy import HOURS, Array, Therapy
from models.units import GlucoseUnit

INSULIN: Final[Mapping[str, str]] = {
    "basal": "basal insulin",
    "basal_night": "basal insulin at night",
    "basal_day": "basal insulin by day",
    "carb_ratio": "insulin for meals",
    "carb_ratio_breakfast": "insulin for breakfast",
    "carb_ratio_lunch": "insulin for lunch",
    "carb_ratio_dinner": "insulin for dinner",
    "sensitivity": "correction insulin",
}
HABITS: Final[Mapping[str, str]] = {
    "missed_bolus": "steep rises above 180 mg/dL (10.0 mmol/L) with neither bolus nor entry near",
    "uncovered_entry": "meals entered without a bolus within half an hour",
    "late_bolus": "boluses given after glucose had begun to rise",
    "overtreated_low": "lows followed by above 180 mg/dL (10.0 mmol/L) within two hours, without a meal",
}
HABIT_NAMES: Final[Mapping[str, str]] = {
    "missed_bolus": "probable missed boluses",
    "uncovered_entry": "meals without a bolus",
    "late_bolus": "late boluses",
    "overtreated_low": "over-treated lows",
}
DATES_SHOWN: Final = 4
SECONDS_PER_DAY: Final = 86_400
# What is proposed is rounded towards less insulin (hazard H-23), to the smallest steps in common use.
RATE_STEP_U_PER_H, DOSE_STEP_U, RATIO_STEP_G_PER_U, SENSITIVITY_STEP_MGDL = 0.05, 0.5, 0.1, 1.0
ROUNDING_SLACK: Final = 1e-6

COARSE_FROM_MGDL: Final = 20.0
"""A smaller change of glucose is shown with a decimal more."""

# What is looked at for each setting: feature, its words, and its unit.
_MEAL_EVIDENCE: Final = (
    ("change", "mean change to 3 hours after", "mgdl"),
    ("low", "meals with below 70 mg/dL (3.9 mmol/L) after", "percent"),
    ("high", "meals with above 180 mg/dL (10.0 mmol/L) after", "percent"),
)
_NIGHT: Final = (
    ("mean_00", "mean glucose from midnight to six", "mgdl"),
    ("tbr_00", "time below 70 mg/dL (3.9 mmol/L) from midnight to six", "percent"),
    ("night_lowest", "lowest glucose of a night, on average", "mgdl"),
)
_WHOLE: Final = (
    ("mean", "mean glucose", "mgdl"),
    ("tbr", "time below 70 mg/dL (3.9 mmol/L)", "percent"),
    ("tar", "time above 180 mg/dL (10.0 mmol/L)", "percent"),
)


def part_words(setting: str, percent: int) -> str:
    """`20 % less basal insulin at night`."""
    return f"{abs(percent)} % {'more' if percent > 0 else 'less'} {INSULIN[setting]}"


def change_words(change: SettingChange) -> str:
    """A change in words, `no change` when it is none."""
    parts = [part_words(s, p) for s, p in zip(change.settings, change.percent, strict=True)]
    return " and ".join(parts) or "no change"


def setting_lines(advice: SettingAdvice, change: SettingChange, unit: GlucoseUnit) -> list[str]:
    """Each setting of a change, from what is in use to what it would be."""
    after = rounded(advice.after(change), advice.by_pump)
    return [_line(advice, after, s, p, unit) for s, p in zip(change.settings, change.percent, strict=True)]


def rounded(therapy: Therapy, by_pump: bool) -> Therapy:
    """Settings in steps that devices know, never with more insulin than before rounding."""
    basal = therapy.basal_u_per_h
    daily_u = _down(basal.sum(axis=1, keepdims=True), DOSE_STEP_U)
    return Therapy(
        _down(basal, RATE_STEP_U_PER_H) if by_pump else daily_u / HOURS * np.ones_like(basal),
        -_down(-therapy.carb_ratio_g_per_u, RATIO_STEP_G_PER_U),
        -_down(-therapy.sensitivity_mgdl_per_u, SENSITIVITY_STEP_MGDL),
    )


def _down(values: Array, step: float) -> Array:
    return np.asarray(np.floor(values / step + ROUNDING_SLACK) * step)


def undo_lines(advice: SettingAdvice, change: SettingChange, unit: GlucoseUnit) -> list[str]:
    """What each changed setting is to be set back to."""
    by_pump, therapy = advice.by_pump, advice.therapy
    return [f"{_name(s, by_pump)} back to {_value(s, therapy, by_pump, unit)}" for s in change.settings]


def _line(advice: SettingAdvice, after: Therapy, setting: str, percent: int, unit: GlucoseUnit) -> str:
    now = _value(setting, advice.therapy, advice.by_pump, unit)
    then = _value(setting, after, advice.by_pump, unit)
    return f"{_name(setting, advice.by_pump)}: from {now} to {then} ({part_words(setting, percent)})"


def _name(setting: str, by_pump: bool) -> str:
    if setting.startswith("basal"):
        clock = {"basal_night": "00:00-06:00", "basal_day": "06:00-24:00"}.get(setting, "whole day")
        return f"Basal rate, {clock}" if by_pump else "Basal dose"
    if setting.startswith("carb_ratio"):
        meal = setting.removeprefix("carb_ratio").strip("_")
        return f"Carb ratio at {meal}" if meal else "Carb ratio at all meals"
    return "Sensitivity (correction factor)"


def _value(setting: str, therapy: Therapy, by_pump: bool, unit: GlucoseUnit) -> str:
    if setting.startswith("basal"):
        rate = therapy.basal_u_per_h[0][_hours(setting)]
        daily = stated_units_text(float(rate.sum()))
        return f"{_range(rate, 2)} units per hour" if by_pump else f"{daily} a day"
    if setting.startswith("carb_ratio"):
        return f"{_range(therapy.carb_ratio_g_per_u[0][_hours(setting)], 1)} g per unit"
    return f"{glucose_change(float(therapy.sensitivity_mgdl_per_u[0, 0]), unit)} per unit"


def _hours(setting: str) -> NDArray[np.bool_]:
    """The hours of the day that a setting speaks of, as a mask."""
    hour = np.arange(HOURS)
    night = (hour >= NIGHT_H[0]) & (hour < NIGHT_H[1])
    if setting in ("basal_night", "basal_day"):
        return night if setting == "basal_night" else ~night
    meal = setting.removeprefix("carb_ratio_")
    if meal in MEALS_H:
        start, end = MEALS_H[meal]
        return np.asarray((hour - start) % HOURS < end - start)
    return np.ones(HOURS, bool)


def _range(values: Array, decimals: int) -> str:
    """One value, or the lowest and highest of several: `0.9`, `0.8-1.1`."""
    low, high = (f"{value:.{decimals}f}" for value in (values.min(), values.max()))
    shown = [text.rstrip("0").rstrip(".") if "." in text else text for text in (low, high)]
    return shown[0] if shown[0] == shown[1] else f"{shown[0]}-{shown[1]}"


def glucose_change(value_mgdl: float, unit: GlucoseUnit) -> str:
    """A difference of glucose in both units, the organisation's first."""
    return wording.glucose(value_mgdl, unit, finer=value_mgdl < COARSE_FROM_MGDL)


def evidence_tables(advice: SettingAdvice, change: SettingChange, unit: GlucoseUnit) -> str:
    """What the records show about the settings of a change; of no change, about the whole."""
    meals = [
        meal for meal in MEALS_H if any(s in ("carb_ratio", f"carb_ratio_{meal}") for s in change.settings)
    ]
    hours = dict.fromkeys(each for setting in change.settings for each in _evidence(setting))
    if not hours and not meals:
        hours = dict.fromkeys(_WHOLE)
    of_hours = [(words, _shown(advice.features[name], kind, unit)) for name, words, kind in hours]
    of_meals = [
        (meal, *(_shown(advice.features[f"{meal}_{name}"], kind, unit) for name, _, kind in _MEAL_EVIDENCE))
        for meal in meals
    ]
    return wording.sections(
        wording.table(("glucose", "in these days"), of_hours) if of_hours else "",
        wording.table(("meal", *(words for _, words, _ in _MEAL_EVIDENCE)), of_meals) if of_meals else "",
    )


def _evidence(setting: str) -> tuple[tuple[str, str, str], ...]:
    """What is looked at for a setting, other than after meals."""
    if setting.startswith("carb_ratio"):
        return ()
    return {"basal_night": _NIGHT, "basal": (*_NIGHT, *_WHOLE)}.get(setting, _WHOLE)


def _shown(value: float, kind: str, unit: GlucoseUnit) -> str:
    if kind == "percent":
        return wording.percent(value)
    sign = "-" if value < 0 else ""
    return sign + wording.glucose(abs(value), unit)


def habit_lines(habits: tuple[Habit, ...]) -> list[str]:
    """Each finding with how often and when, the latest first."""
    return [
        f"{HABIT_NAMES[habit.name].capitalize()}: {habit.count} in {habit.days} days, {HABITS[habit.name]} "
        f"({_dates(habit)})."
        for habit in habits
    ]


def _dates(habit: Habit) -> str:
    newest = habit.seen[::-1][:DATES_SHOWN]
    shown = [_on_the_clock(day, minute) for day, minute in newest]
    more = habit.count - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _on_the_clock(day: int, minute: int) -> str:
    """A local day number and minute of the day: `9 May 10:40`."""
    at = datetime.fromtimestamp(day * SECONDS_PER_DAY + minute * 60, UTC)
    return f"{at.day} {at:%b %H:%M}"
