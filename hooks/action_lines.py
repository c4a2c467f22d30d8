"""What carbohydrate now, or less basal insulin, would do to the glucose expected, as lines of a raised risk.

Part of the service `glucose-review`; asks `models.risk.action_outlook`, and says which setting is missing.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from hooks import wording
from hooks.expected_glucose import Answer as Forecast
from hooks.expected_glucose import interval_text, within_range
from hooks.hypoglycemia_risk import RiskPart, asked
from hooks.service import Question
from models.assessment import Assessment, Input, Interval, NotAssessed
from models.dosing.bolus_check import CARBS_MIN, carbs_now
from models.risk.action_outlook import (
    MODEL,
    VERSION,
    Action,
    ActionOutlook,
    Carbohydrate,
    LessBasal,
    OwnSettings,
    assess,
    lowest,
    own_settings,
)
from models.units import GlucoseUnit

SNACK: Final = Carbohydrate(15.0)
"""The usual amount (ADA, Standards of Care, section 6)."""

LARGER_SNACK: Final = Carbohydrate(20.0)
HALF_BASAL: Final = LessBasal(by_percent=50.0, for_min=120.0)

EATING: Final = (
    "What is expected was learned from days on which people who were falling often ate: without food it may "
    "come out lower, and part of the rise may be counted twice"
)

LESS_WHEN_AUTOMATED: Final = (
    "Basal on record changes as under automated delivery, which by itself gives less insulin before a low: "
    "there less carbohydrate has often been enough (median 9 g in ten adults with a pump that suspends, "
    "Pinsker 2021, Diabetes Technol Ther 23:512)"
)
"""Ten adults, few lows: enough to say that 15 g may be more than is needed, not how much is."""

CARB_RATIO: Final = "carb ratio"
SENSITIVITY: Final = "insulin sensitivity"
BASAL_RATE: Final = "basal rate"
SETTINGS_USED: Final = (CARB_RATIO, SENSITIVITY, BASAL_RATE)

Outlook = Assessment[ActionOutlook] | NotAssessed


def with_actions(
    question: Question, part: RiskPart, forecast: Forecast
) -> tuple[RiskPart, tuple[Outlook, ...]]:
    """The risk of a low, its card with what an action would do; and what was asked for that."""
    if part.card is None:
        return part, ()
    settings = own_settings(question.record, question.as_of_ms)
    snack, basal = (outlook(question, forecast, settings, action) for action in (SNACK, HALF_BASAL))
    asked_for = (snack, basal) if isinstance(basal, Assessment) else (snack,)
    notes = (*in_automated_delivery(settings, asked_for), *just_eaten(question, asked_for))
    lines = wording.bullets([*action_lines(question, asked_for), *notes])
    card = replace(part.card, detail=wording.sections(part.card.detail or "", lines))
    return replace(part, card=card), asked_for


def outlook(question: Question, forecast: Forecast, settings: OwnSettings, action: Action) -> Outlook:
    """What the action would do to the forecast, or why that is not known."""
    return asked(question, MODEL, VERSION, lambda: assess(forecast, settings, action))


def action_lines(question: Question, answers: Sequence[Outlook]) -> list[str]:
    """A line for each action, and what they were computed with."""
    told = [answer for answer in answers if isinstance(answer, Assessment)]
    lines = [_line(answer, question.practice.glucose_unit) for answer in answers]
    return [*lines, " ".join(f"{text}." for text in computed_with(question, told))] if told else lines


def in_automated_delivery(settings: OwnSettings, answers: Sequence[Outlook]) -> tuple[str, ...]:
    """That less carbohydrate is often enough, where some was told of and a system sets the basal rate."""
    return (LESS_WHEN_AUTOMATED,) if settings.automated and _of_carbohydrate(answers) else ()


def just_eaten(question: Question, answers: Sequence[Outlook]) -> tuple[str, ...]:
    """That carbohydrate of the last half hour is not in the numbers, where more of it is told of."""
    eaten = carbs_now(question.record, question.as_of_ms)
    if eaten is None or not _of_carbohydrate(answers):
        return ()
    return (
        f"{eaten.value.sum():g} g of carbohydrate are on record of the last {CARBS_MIN} minutes, the newest "
        f"{wording.age(int(eaten.at_ms[-1]), question.as_of_ms)}: they are not in these numbers, and the "
        "sensor may not show them yet",
    )


def _of_carbohydrate(answers: Sequence[Outlook]) -> bool:
    return any(
        isinstance(answer, Assessment) and isinstance(answer.result.action, Carbohydrate)
        for answer in answers
    )


def action_text(action: Action) -> str:
    """`15 g of fast carbohydrate now`, `50 % less basal insulin for 120 min`."""
    if isinstance(action, Carbohydrate):
        return f"{action.grams:g} g of fast carbohydrate now"
    return f"{action.by_percent:g} % less basal insulin for {action.for_min:g} min"


def horizon_min(action: Action) -> int:
    """At how many minutes an action is told of: less basal insulin hardly acts within the hour."""
    return 120 if isinstance(action, LessBasal) else 60


def _line(answer: Outlook, unit: GlucoseUnit) -> str:
    if isinstance(answer, NotAssessed):
        said = (reason.text.rstrip(".") for reason in answer.reasons)
        why = "; ".join(f"{text[:1].lower()}{text[1:]}" for text in said)
        return f"What {action_text(SNACK)} would do: not assessed, {why}"
    told = answer.result
    minutes = horizon_min(told.action)
    after, before = (interval_text(curve.within(minutes), unit) for curve in (told.with_action, told.without))
    return (
        f"With {action_text(told.action)}: expected in {minutes} min {after}, instead of {before}; "
        f"{_lowest_text(told, minutes, unit)}"
    )


def _lowest_text(told: ActionOutlook, minutes: int, unit: GlucoseUnit) -> str:
    """The lowest points expected with and without, each with its lower edge; alike where they come first."""
    after, before = (lowest(curve, minutes) for curve in (told.with_action, told.without))
    if wording.glucose(after.value, unit) == wording.glucose(before.value, unit):
        return f"before it acts glucose may still fall to {_with_edge(before, unit)}"
    return f"lowest within {minutes} min {_with_edge(after, unit)} instead of {_with_edge(before, unit)}"


def _with_edge(found: Interval, unit: GlucoseUnit) -> str:
    return f"{within_range(found.value, unit)}, at the lower edge {within_range(found.low, unit)}"


def computed_with(question: Question, told: Sequence[Assessment[ActionOutlook]]) -> tuple[str, ...]:
    """Two sentences: from what the effect of these actions was computed, and what it may count twice."""
    used = {one.name: one for answer in told for one in answer.inputs}
    own = wording.listed([setting_text(question, used[name]) for name in SETTINGS_USED if name in used])
    return (
        f"Computed with this patient's own {own}, from the glucose expected from CGM alone and the effect "
        "curves of LoopAlgorithm; the range is that of the forecast, its lower edge with carbohydrate as "
        "slow as a meal, and was not measured",
        EATING,
    )


def setting_text(question: Question, used: Input) -> str:
    """`carb ratio (10 g per unit, 12 days ago)`: a setting, its value, and when it was recorded."""
    value = float(used.value)
    said = {
        CARB_RATIO: f"{value:g} g per unit",
        SENSITIVITY: f"{wording.glucose(value, question.practice.glucose_unit)} per unit",
        BASAL_RATE: f"{value:.2f} units per hour",
    }[used.name]
    when = "" if used.at_ms is None else f", {wording.age(used.at_ms, question.as_of_ms)}"
    return f"{used.name} ({said}{when})"
