"""The card that proposes type 1 settings: ranked options, what each is expected to do, why, and how to undo.

Beside `hooks.no_setting_card`, under `hooks.setting_adjustment`. The alternatives are actions, each with its
own expectation; nothing is preselected, and nothing is written to an order or a device.
"""

from typing import Final

from hooks import wording
from hooks.card import Card, Coding, Indicator, Source
from hooks.input_table import input_table
from hooks.service import Question
from hooks.setting_words import (
    HABIT_NAMES,
    change_words,
    evidence_tables,
    glucose_change,
    habit_lines,
    setting_lines,
    undo_lines,
)
from models.assessment import Assessment, Interval
from models.dosing.dose_format import percent_text
from models.dosing.personal_fit import PersonalFit
from models.dosing.setting_actions import NO_CHANGE, all_changes
from models.dosing.setting_advice import MORE_IN_RANGE_POINTS, SettingAdvice, habits_come_first
from models.dosing.setting_guards import LARGEST_CUT_PERCENT, LARGEST_RISE_PERCENT, MOST_SETTINGS
from models.dosing.therapy_in_use import CADENCE_DAYS
from models.dosing.value_of_action import packaged_model
from models.features.sampling import DAY_MS
from models.units import GlucoseUnit

OVERRIDE_REASONS: Final = (
    wording.override("settings-already-changed", "The settings were changed already"),
    wording.override("behaviour-first", "Missed or late boluses, or treatment of lows, are dealt with first"),
    wording.override("values-not-representative", "These two weeks do not represent usual days"),
    wording.override("settings-differ", "The programmed settings differ from those read here"),
    wording.override("illness-cycle-or-exercise", "Illness, menstrual cycle or exercise explains it"),
    wording.override("another-option", "Another of the options was chosen"),
    wording.override("patient-preference", "The patient prefers otherwise"),
)
SEE_SPECIALIST: Final = "see a diabetes specialist or educator with this record"
NOT_PREDICTED: Final = "not predicted"
HELD_BACK: Final = {
    "time_below_range": "more time below 70 or below 54 mg/dL (3.9, 3.0 mmol/L) than 4 % or 1 %",
    "low_within_24_h": "glucose below 70 mg/dL (3.9 mmol/L) within 24 hours",
    "very_low_within_7_d": "glucose below 54 mg/dL (3.0 mmol/L) within 7 days",
    "habits": "boluses missed or late three times a week or more",
}
UNENTERED: Final = "Meals that nobody entered count as basal need and as sensitivity here: enter them first."
WORTH_A_WORD_PER_WEEK: Final = 1.5
"""A habit seen less often stands in the detail only."""


def setting_source(question: Question, model: str, version: str) -> Source:
    """Who says this: the model, with the address of its model card where one is served."""
    url = question.practice.models_url
    topic = Coding(wording.TOPIC_SYSTEM, "setting-adjustment", "Type 1 setting adjustment")
    return Source(f"Wearable CDS {model} {version}", topic, f"{url}/{model}" if url else None)


def setting_card(question: Question, answer: Assessment[SettingAdvice]) -> Card:
    """The advice for one patient."""
    advice, unit = answer.result, question.practice.glucose_unit
    change = advice.best.change
    return Card(
        uuid=question.uuid("setting-adjustment"),
        summary=wording.summary(_summary(question, advice)),
        indicator=_indicator(advice),
        source=setting_source(question, answer.model, answer.version),
        detail=wording.sections(
            _proposed(advice),
            wording.bullets(setting_lines(advice, change, unit)),
            "**Boluses and lows, first of all**" if advice.habits else "",
            wording.bullets(habit_lines(advice.habits)),
            f"**Why:** {_evidence_window(question, advice)}",
            evidence_tables(advice, change, unit),
            "**Options, best first** (expected differences to no change, with 90 % intervals)",
            _options(advice),
            "**This person's own records**",
            wording.bullets(_fit_lines(question, advice)),
            "**Values used**",
            input_table(question, answer.inputs),
            "**Checked**",
            wording.bullets(_checked(advice)),
            "**Not known**",
            wording.bullets(_not_known(advice)),
            "**What would change this**",
            wording.bullets(_would_change()),
            f"**Look again** {_look_again(question)}",
            f"**To undo:** {_undo(question, advice)}" if advice.best.change != NO_CHANGE else "",
            _provenance(question, answer),
        ),
        override_reasons=OVERRIDE_REASONS,
    )


def _indicator(advice: SettingAdvice) -> Indicator:
    """A warning where lows are too many."""
    return Indicator.WARNING if advice.too_low else Indicator.INFO


def _summary(question: Question, advice: SettingAdvice) -> str:
    seen = _seen(question, advice)
    if advice.best.change != NO_CHANGE:
        return f"Type 1 settings: consider {change_words(advice.best.change)} ({seen}). Verify first."
    if advice.too_low:
        return f"Type 1 settings: {seen} and no option is expected to help; consider a diabetes specialist."
    if advice.habits and advice.habits[0].per_week >= WORTH_A_WORD_PER_WEEK:
        habit = advice.habits[0]
        first = f"{habit.count} {HABIT_NAMES[habit.name]} in {habit.days} days"
        return f"Type 1 settings: keep; first talk about {first} ({seen})."
    return f"Type 1 settings: keep; no option is expected to do better ({seen})."


def _seen(question: Question, advice: SettingAdvice) -> str:
    """The share of time that the proposal is about: highs where insulin is added, else lows."""
    band, name = ("above 180 mg/dL", "tar") if advice.best.change.adds_insulin else ("below 70 mg/dL", "tbr")
    return f"time {wording.band(band, question.practice.glucose_unit)} {percent_text(advice.now[name])}"


def _proposed(advice: SettingAdvice) -> str:
    if advice.best.change == NO_CHANGE:
        return (
            "**Proposed: keep the settings as they are.** No option is expected to bring "
            f"{MORE_IN_RANGE_POINTS:.0f} points of time in range or of the risk index, or fewer lows where "
            "they are too many."
        )
    return f"**Proposed: {change_words(advice.best.change)}.** Verify before changing a setting."


def _evidence_window(question: Question, advice: SettingAdvice) -> str:
    first = advice.days.first_day * DAY_MS
    last = first + (advice.days.days - 1) * DAY_MS
    now = advice.now
    return (
        f"{advice.days.days} whole days, {wording.day(first, None)} to {wording.day(last, None)}: in range "
        f"70-180 mg/dL (3.9-10.0 mmol/L) {percent_text(now['tir'])}, below 70 mg/dL "
        f"{percent_text(now['tbr'])}, below 54 mg/dL {percent_text(now['tbr54'])}, above 180 mg/dL "
        f"{percent_text(now['tar'])}; glycaemia risk index {min(now['gri'], 100.0):.0f}."
    )


def _options(advice: SettingAdvice) -> str:
    rows = [
        (change_words(o.change), *(_difference(i, not o.change.settings) for i in (o.tir, o.tbr, o.gri)))
        for o in advice.options
    ]
    see = (SEE_SPECIALIST, *[NOT_PREDICTED] * 3)
    head = ("option", "in range, points", "below 70 mg/dL (3.9 mmol/L), points", "glycaemia risk index")
    return wording.table(head, [*rows, see] if not advice.sees_specialist_first else [see, *rows])


def _difference(interval: Interval, is_no_change: bool) -> str:
    if is_no_change:
        return "0"
    return f"{interval.value:+.1f} ({interval.low:+.1f} to {interval.high:+.1f})"


def _fit_lines(question: Question, advice: SettingAdvice) -> list[str]:
    fit, unit = advice.fit, question.practice.glucose_unit
    night, day = _delivered(advice)
    sensitivity, ratio = fit.sensitivity_mgdl_per_u, fit.carb_ratio_g_per_u
    return [
        f"Basal need at 120 mg/dL (6.7 mmol/L): at night {_rate(fit.basal_night_u_per_h)} units per hour "
        f"(delivered {night:.2f}), by day {_rate(fit.basal_day_u_per_h)} (delivered {day:.2f}).",
        f"One unit lowers glucose by {glucose_change(sensitivity.value, unit)}, 90 % interval "
        f"{glucose_change(sensitivity.low, unit)} to {glucose_change(sensitivity.high, unit)}.",
        f"One unit undoes {ratio.value:.0f} g of carbohydrate, 90 % interval {ratio.low:.0f} to "
        f"{ratio.high:.0f}.",
        _explained(fit, unit),
        *([UNENTERED] if habits_come_first(advice.habits) else []),
    ]


def _delivered(advice: SettingAdvice) -> tuple[float, float]:
    basal = advice.therapy.basal_u_per_h[0]
    return float(basal[:6].mean()), float(basal[6:].mean())


def _rate(interval: Interval) -> str:
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def _explained(fit: PersonalFit, unit: GlucoseUnit) -> str:
    error, naive = glucose_change(fit.error_mgdl, unit), glucose_change(fit.naive_error_mgdl, unit)
    return (
        f"Insulin and carbohydrate of {fit.days} days, replayed, explain {fit.explained_percent:.0f} % of "
        f"the swings over four hours that time of day and level leave open; the error on days left out is "
        f"{error}, and {naive} where glucose is taken to stay."
    )


def _checked(advice: SettingAdvice) -> list[str]:
    crossed = (
        f"Recorded nights, meals and the replay speak against {advice.crossed_out} of {len(all_changes())} "
        "changes; these are not offered."
    )
    held = [HELD_BACK[name] for name in advice.only_reductions]
    return [
        f"No step above +{LARGEST_RISE_PERCENT:.0f} % or below -{LARGEST_CUT_PERCENT:.0f} % of insulin, at "
        f"most {MOST_SETTINGS} settings, no change of basal insulin in the last {CADENCE_DAYS} days.",
        *([f"No option that adds insulin was considered: {'; '.join(held)}."] if held else []),
        crossed,
        "Adult with type 1 diabetes, not in hospital; no pregnancy, dialysis, ketoacidosis, unawareness of "
        "hypoglycaemia, steroids, or severe low of the last 30 days on record; delivery not automated.",
    ]


def _not_known(advice: SettingAdvice) -> list[str]:
    device = "pump" if advice.by_pump else "bolus calculator"
    return [
        "Programmed settings are not on record: these are read from what was delivered and entered. Compare "
        f"them with the {device}.",
        "Illness, exercise, alcohol, menstrual cycle, infusion sites and injection sites were not looked at.",
        "The expected differences were learned on simulated people; they were not shown on patients.",
    ]


def _would_change() -> list[str]:
    return [
        "Glucose below 70 mg/dL (3.9 mmol/L) within 24 hours, below 54 mg/dL (3.0 mmol/L) within 7 days, or "
        "more than 4 % of the time below 70 or 1 % below 54: options that add insulin are left out.",
        "Meals bolused before eating and every meal entered: the records then show other settings.",
        "Another two weeks of records after any change.",
    ]


def _look_again(question: Question) -> str:
    again = wording.day(question.as_of_ms + 2 * CADENCE_DAYS * DAY_MS, question.zone)
    return (
        f"from {again}, after two weeks of new records; at once when glucose is below 54 mg/dL (3.0 mmol/L), "
        "or below 70 mg/dL (3.9 mmol/L) on two nights."
    )


def _provenance(question: Question, answer: Assessment[SettingAdvice]) -> str:
    at = wording.moment(question.as_of_ms, question.zone)
    learned = f"expectations of value-of-action {packaged_model().version}, learned in simulation"
    return f"{at}; model {answer.model} {answer.version}; {learned}. Verify before changing a setting."


def _undo(question: Question, advice: SettingAdvice) -> str:
    lines = "; ".join(undo_lines(advice, advice.best.change, question.practice.glucose_unit))
    return f"{lines}. Rapid-acting insulin goes on acting for about six hours."
