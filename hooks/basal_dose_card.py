"""The card that proposes a basal insulin dose: number, rule, values with their ages, other ways, how to undo.

Beside `hooks.no_dose_card`, under `hooks.insulin_adjustment`. No dose is preselected; the suggestions are the
caller's own draft with another dose.
"""

from collections.abc import Mapping
from typing import Any, Final

from fhir_mappers.outgoing import NotAdjustable, with_daily_dose
from fhir_mappers.therapy import to_insulin_order
from hooks import wording
from hooks.card import Card, Indicator, Suggestion, UpdateAction
from hooks.input_table import input_table
from hooks.no_dose_card import dosing_source
from hooks.service import Question
from models.assessment import Assessment
from models.dosing.basal_proposal import BasalAction, BasalProposal
from models.dosing.dose_format import step_text, units_text
from models.features.sampling import DAY_MS

OVERRIDE_REASONS: Final = (
    wording.override("low-explained", "The low glucose is explained and will not recur"),
    wording.override("dose-taken-differs", "The patient takes another dose than the one ordered"),
    wording.override("values-not-representative", "The glucose values do not represent usual days"),
    wording.override("illness-or-steroids", "Illness, steroids or another change not on record"),
    wording.override("other-treatment-preferred", "Another treatment is preferred to more basal insulin"),
    wording.override("patient-preference", "The patient prefers otherwise"),
)

LIMIT_TEXTS: Final[Mapping[str, str]] = {
    "start": "the limit of a starting dose cut the number",
    "step": "the limit of one step cut the number",
    "ceiling": "the limit in units per kg cut the number (overbasalisation)",
    "product_maximum": "the highest daily dose of this product cut the number",
    "rounded_down": "the dose was rounded down to what the pen delivers",
    "no_increase_after_low": "no increase after a low glucose",
    "no_increase_time_below_range": "no increase with this share of time in hypoglycaemia",
    "no_increase_before_interval": "no increase before 3 days have passed since the last change",
    "no_increase_above_ceiling": (
        "no increase above 0.5 units per kg a day (overbasalisation): consider a GLP-1 receptor agonist or "
        "mealtime insulin"
    ),
    "table_interval": "the interval of the table since the last change has not passed",
    "table_low": "the table allows no increase after a glucose this low within the week",
    "low_fasting": "no increase after a fasting glucose below 70 mg/dL (3.9 mmol/L) within the week",
    "night_drop": "a fall from bedtime to morning speaks for overbasalisation",
    "variability": "wide variation speaks for another cause than too little basal insulin",
}

HELD_BY: Final[Mapping[str, str]] = {
    "no_increase_before_interval": "changed too lately to raise",
    "no_increase_above_ceiling": "above 0.5 units per kg",
    "ceiling": "at the limit of 0.5 units per kg",
    "product_maximum": "at the highest dose of this product",
    "table_interval": "changed too lately to raise",
    "table_low": "a low glucose within the week",
    "low_fasting": "a low fasting glucose within the week",
    "night_drop": "glucose falls much overnight",
    "variability": "glucose varies widely",
}
"""In the summary, where the dose stays although the table asks for more."""

VERBS: Final[Mapping[BasalAction, str]] = {
    BasalAction.START: "consider starting",
    BasalAction.INCREASE: "consider",
    BasalAction.HOLD: "keep",
    BasalAction.REDUCE: "consider",
}

Draft = Mapping[str, Any]


def dose_card(question: Question, answer: Assessment[BasalProposal], draft: Draft) -> Card:
    """The proposal for one draft, with the draft at the proposed dose and at each alternative."""
    proposal = answer.result
    drafted_u = _drafted_u(draft)
    suggestions, why_none = _suggestions(question, proposal, draft)
    return Card(
        uuid=question.uuid("basal-dose"),
        summary=wording.summary(_summary(question, answer, draft)),
        indicator=_indicator(proposal, drafted_u),
        source=dosing_source(question, answer.model, answer.version),
        detail=wording.sections(
            _proposed(proposal, drafted_u),
            _why(proposal, answer.limits),
            "**Values used**",
            input_table(question, answer.inputs, answer.result.fasting),
            "**Checked**",
            wording.bullets(list(answer.checks)),
            "**Other ways**",
            wording.bullets([alternative.text for alternative in proposal.alternatives]),
            "**Beside basal insulin**" if proposal.next_steps else "",
            wording.bullets(list(proposal.next_steps)),
            "**Not known**",
            wording.bullets(_not_known(answer, why_none)),
            "**What would change this**",
            wording.bullets(_would_change(proposal)),
            f"**Check within a week:** {_weekly_check(question, proposal)}",
            f"**To undo:** {_undo(proposal)}",
            _provenance(question, answer),
        ),
        suggestions=suggestions,
        override_reasons=OVERRIDE_REASONS,
    )


def _summary(question: Question, answer: Assessment[BasalProposal], draft: Draft) -> str:
    proposal = answer.result
    order = to_insulin_order(dict(draft), {})
    name = f"Insulin {order.product.ingredient}" if order and order.product.ingredient else "Basal insulin"
    current_u = proposal.current_dose_u
    changes = current_u is not None and current_u != proposal.proposed_dose_u
    now = f" (now {units_text(current_u or 0.0)})" if changes else ""
    dose = f"{VERBS[proposal.action]} {units_text(proposal.proposed_dose_u)} a day{now}"
    return f"{name}: {dose}, {_cause(question, answer)}. Verify before ordering."


def _cause(question: Question, answer: Assessment[BasalProposal]) -> str:
    """What decided, in a few words."""
    proposal = answer.result
    held = [HELD_BY[name] for name in answer.limits if name in HELD_BY]
    if proposal.action is BasalAction.HOLD and held:
        return held[0]
    value = wording.glucose(proposal.fasting_mgdl, question.practice.glucose_unit)
    return proposal.cause or f"{proposal.table.statistic} fasting glucose {value}"


def _indicator(proposal: BasalProposal, drafted_u: float | None) -> Indicator:
    """A warning for a reduction, and where more is drafted than proposed."""
    too_much = drafted_u is not None and drafted_u > proposal.proposed_dose_u
    return Indicator.WARNING if too_much or proposal.action is BasalAction.REDUCE else Indicator.INFO


def _drafted_u(draft: Draft) -> float | None:
    order = to_insulin_order(dict(draft), {})
    return order.daily_dose_u if order else None


def _proposed(proposal: BasalProposal, drafted_u: float | None) -> str:
    dose = f"**Proposed: {units_text(proposal.proposed_dose_u)} once a day**"
    now = (
        "no basal insulin is in use"
        if proposal.current_dose_u is None
        else f"in use {units_text(proposal.current_dose_u)}, change {step_text(proposal.step_u)}"
    )
    drafted = (
        "the draft states no dose" if drafted_u is None else f"the draft says {wording.units(drafted_u)}"
    )
    return f"{dose} ({now}; {drafted}). Verify before ordering."


def _why(proposal: BasalProposal, limits: tuple[str, ...]) -> str:
    held = [LIMIT_TEXTS[name] for name in limits]
    return f"**Why:** {proposal.why}" + (f" Limits applied: {'; '.join(held)}." if held else "")


def _not_known(answer: Assessment[BasalProposal], why_no_suggestion: str | None) -> list[str]:
    unseen = "Illness, hospital care, food and injection technique are not on record and were not looked at."
    edit = [f"The draft was not edited: {why_no_suggestion}."] if why_no_suggestion else []
    return [*(note.text for note in answer.notes), unseen, *edit]


def _would_change(proposal: BasalProposal) -> list[str]:
    return [
        f"A {proposal.table.statistic} fasting glucose in another row of the table, whose goal is "
        f"{proposal.table.goal_text()}.",
        "Any glucose below 70 mg/dL (3.9 mmol/L) within 24 hours, or below 54 mg/dL (3.0 mmol/L) within "
        "7 days: no increase.",
        "A new weight, eGFR, drug or diagnosis.",
    ]


def _weekly_check(question: Question, proposal: BasalProposal) -> str:
    """What to look at after the change, and when the table may be asked again."""
    again_ms = question.as_of_ms + round(proposal.table.cadence_days * DAY_MS)
    return (
        "any glucose below 70 mg/dL (3.9 mmol/L), above all at night, calls for the dose before or less; "
        f"{proposal.table.fasting_values} new fasting values are needed, and {proposal.table.title} may be "
        f"asked again from {wording.day(again_ms, question.zone)}."
    )


def _undo(proposal: BasalProposal) -> str:
    if proposal.current_dose_u is None:
        return "stop the new order; there was no basal insulin before."
    back = f"order {units_text(proposal.current_dose_u)} a day again, the dose in use before this order"
    return f"{back}; long-acting insulin goes on acting for a day or more."


def _provenance(question: Question, answer: Assessment[BasalProposal]) -> str:
    table = answer.result.table
    return (
        f"Table {table.id} {table.version} ({table.source.strip()}) Limits {answer.result.limits_version}. "
        f"Model {answer.model} {answer.version}. {wording.moment(question.as_of_ms, question.zone)}."
    )


def _suggestions(
    question: Question, proposal: BasalProposal, draft: Draft
) -> tuple[tuple[Suggestion, ...], str | None]:
    """The draft at the proposed dose, then at each other dose; or why it cannot be edited.

    None where the draft already says the proposed dose: what is left would read as advice to change it.
    """
    drafted_u = _drafted_u(draft)
    if drafted_u == proposal.proposed_dose_u:
        return (), None
    others = [a.dose_u for a in proposal.alternatives if a.dose_u not in (None, drafted_u)]
    doses = [dose_u for dose_u in (proposal.proposed_dose_u, *others) if dose_u is not None]
    try:
        return tuple(_suggestion(question, dose_u, draft) for dose_u in doses), None
    except NotAdjustable as reason:
        return (), str(reason)


def _suggestion(question: Question, dose_u: float, draft: Draft) -> Suggestion:
    label = f"Draft {units_text(dose_u)} once a day"
    action = UpdateAction(
        f"Sets the drafted dose to {units_text(dose_u)} once a day", with_daily_dose(dict(draft), dose_u)
    )
    return Suggestion(question.uuid(f"basal-dose-{dose_u:g}"), label, (action,))
