"""The card that proposes a basal insulin dose: number, rule, values with their ages, other ways, how to undo.

Beside `hooks.no_dose_card`, under `hooks.insulin_adjustment`. No dose is preselected; the suggestions are the
caller's own draft with another dose.
"""

from collections.abc import Mapping
from typing import Final

from fhir_mappers.outgoing import NotAdjustable, with_daily_dose
from fhir_mappers.therapy import to_insulin_order
from hooks import wording
from hooks.card import Card, Indicator, Suggestion, UpdateAction
from hooks.draft_size import Draft, DraftSize, beside_proposal
from hooks.input_table import input_table
from hooks.no_dose_card import dosing_source
from hooks.service import Question
from models.assessment import Assessment
from models.dosing.basal_proposal import BasalAction, BasalProposal
from models.dosing.dose_format import step_text, units_text
from models.dosing.limit_words import HELD_BY, LIMIT_TEXTS
from models.dosing.titration_table import goal_text
from models.patient_record import InsulinKind, InsulinProduct

OVERRIDE_REASONS: Final = (
    wording.override("low-explained", "The low glucose is explained and will not recur"),
    wording.override("dose-taken-differs", "The patient takes another dose than the one ordered"),
    wording.override("values-not-representative", "The glucose values do not represent usual days"),
    wording.override("illness-or-steroids", "Illness, steroids or another change not on record"),
    wording.override("other-treatment-preferred", "Another treatment is preferred to more basal insulin"),
    wording.override("patient-preference", "The patient prefers otherwise"),
)

LONGEST_SOURCE: Final = 400
"""Code points kept of the source that a signed file of limits names."""

TOO_SOON: Final = frozenset({"table_interval", "no_increase_before_interval"})

VERBS: Final[Mapping[BasalAction, str]] = {
    BasalAction.START: "consider starting",
    BasalAction.INCREASE: "consider",
    BasalAction.HOLD: "keep",
    BasalAction.REDUCE: "consider",
}


def dose_card(question: Question, answer: Assessment[BasalProposal], draft: Draft) -> Card:
    """The proposal for one draft, with the draft at the proposed dose and at each alternative.

    Five lines lead: the dose, why (and ketones), the lowest glucose, units per kg, the draft. What they rest
    on follows.
    """
    proposal = answer.result
    size = _size(draft, proposal)
    suggestions, why_none = _suggestions(question, proposal, draft)
    return Card(
        uuid=question.uuid("basal-dose"),
        summary=wording.summary(_summary(question, answer, draft)),
        indicator=_indicator(proposal, size),
        source=dosing_source(question, answer.model, answer.version),
        detail=wording.sections(
            _proposed(proposal),
            _why(question, proposal, answer.limits),
            f"**Ketones:** {proposal.ketones}" if proposal.ketones else "",
            f"**Lowest glucose of 7 days:** {_lowest(question, proposal)}",
            f"**Units per kg:** {_per_kg(proposal)}",
            f"**Draft:** {size.text}.",
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
            f"**To undo:** {_undo(proposal)}" if proposal.step_u else "",
            _provenance(question, answer),
        ),
        suggestions=suggestions,
        override_reasons=OVERRIDE_REASONS,
    )


def _size(draft: Draft, proposal: BasalProposal) -> DraftSize:
    return beside_proposal(draft, proposal.current_dose_u, proposal.proposed_dose_u)


def _summary(question: Question, answer: Assessment[BasalProposal], draft: Draft) -> str:
    """The draft first where it is far above; then the dose, and what decided."""
    proposal = answer.result
    size = _size(draft, proposal)
    order = to_insulin_order(dict(draft), {})
    name = _name(order.product) if order else "Basal insulin"
    dose = f"{VERBS[proposal.action]} {units_text(proposal.proposed_dose_u)} a day"
    if size.far_above:
        return f"Draft of {size.text}. {name}: {dose}. Verify before ordering."
    current_u = proposal.current_dose_u
    changes = current_u is not None and current_u != proposal.proposed_dose_u
    now = f" (now {units_text(current_u or 0.0)})" if changes else ""
    return f"{name}: {dose}{now}, {_cause(question, answer)}. Verify before ordering."


def _name(product: InsulinProduct) -> str:
    if product.kind is InsulinKind.PREMIX:
        return "Premixed insulin"
    return f"Insulin {product.ingredient}" if product.ingredient else "Basal insulin"


def _cause(question: Question, answer: Assessment[BasalProposal]) -> str:
    """What decided, in a few words."""
    proposal = answer.result
    held = [HELD_BY[name] for name in answer.limits if name in HELD_BY]
    if proposal.action is BasalAction.HOLD and held:
        return f"{held[0]}{_dates(question, proposal, answer.limits)}"
    return proposal.cause or f"{proposal.table.statistic} fasting glucose {_fasting(question, proposal)}"


def _dates(question: Question, proposal: BasalProposal, limits: tuple[str, ...]) -> str:
    """When the dose last changed, or may next, where that is what decided."""
    if "lows_answered" in limits and proposal.changed_ms is not None:
        return f" on {wording.day(proposal.changed_ms, question.zone)}"
    if TOO_SOON & set(limits):
        return f", next step from {wording.day(proposal.next_step_ms, question.zone)}"
    return ""


def _fasting(question: Question, proposal: BasalProposal) -> str:
    """The fasting statistic, with a decimal more where whole numbers would contradict the table."""
    value = proposal.fasting_mgdl
    return wording.glucose(
        value, question.practice.glucose_unit, finer=proposal.table.rounds_over_edge(value)
    )


def _indicator(proposal: BasalProposal, size: DraftSize) -> Indicator:
    """Critical for a draft of twice the dose in use; a warning to reduce, and for more than proposed."""
    if size.far_above and proposal.current_dose_u is not None:
        return Indicator.CRITICAL
    too_much = size.drafted_u is not None and size.drafted_u > proposal.proposed_dose_u
    return Indicator.WARNING if too_much or proposal.action is BasalAction.REDUCE else Indicator.INFO


def _proposed(proposal: BasalProposal) -> str:
    dose = f"**Proposed: {units_text(proposal.proposed_dose_u)} once a day**"
    now = (
        "no basal insulin is in use"
        if proposal.current_dose_u is None
        else f"in use {units_text(proposal.current_dose_u)}, change {step_text(proposal.step_u)}"
    )
    return f"{dose} ({now}). Verify before ordering."


def _why(question: Question, proposal: BasalProposal, limits: tuple[str, ...]) -> str:
    """The rule, the value that met it, and what held the dose back or cut it."""
    held = [LIMIT_TEXTS[name] for name in limits]
    applied = f" Limits applied: {'; '.join(held)}{_dates(question, proposal, limits)}." if held else ""
    goal = (
        f" Goal {goal_text(proposal.goal)} for {proposal.cautious_because} "
        "(ADA Standards of Care, section 13)."
        if proposal.cautious_because
        else ""
    )
    value = f" {proposal.table.statistic.capitalize()} fasting glucose {_fasting(question, proposal)}."
    return f"**Why:** {proposal.why}{value}{goal}{applied}"


def _lowest(question: Question, proposal: BasalProposal) -> str:
    found = proposal.lowest
    if found is None or found.at_ms is None:
        return "not known."
    value = wording.glucose(float(found.value), question.practice.glucose_unit)
    device = found.name.rpartition(", ")[2]
    return f"{value}, {device}, {wording.moment(found.at_ms, question.zone)}."


def _per_kg(proposal: BasalProposal) -> str:
    ceiling = proposal.safety_limits.basal.ceiling_units_per_kg
    now_u = proposal.current_dose_u
    in_use = f" (in use {proposal.units_per_kg(now_u):.2f})" if now_u is not None else ""
    proposed = f"{proposal.units_per_kg(proposal.proposed_dose_u):.2f} a day at {proposal.weight_kg:.1f} kg"
    return f"{proposed}{in_use}; no increase above {ceiling:g}."


def _not_known(answer: Assessment[BasalProposal], why_no_suggestion: str | None) -> list[str]:
    unseen = "Illness, food and injection technique are not on record and were not looked at."
    edit = [f"The draft was not edited: {why_no_suggestion}."] if why_no_suggestion else []
    return [*(note.text for note in answer.notes), unseen, *edit]


def _would_change(proposal: BasalProposal) -> list[str]:
    return [
        f"A {proposal.table.statistic} fasting glucose in another row of the table; the goal is "
        f"{goal_text(proposal.goal)}.",
        "Any glucose below 70 mg/dL (3.9 mmol/L) within 24 hours, or below 54 mg/dL (3.0 mmol/L) within "
        "7 days: no increase.",
        "A new weight, eGFR, drug or diagnosis.",
    ]


def _weekly_check(question: Question, proposal: BasalProposal) -> str:
    """What to look at after the change, and when the table may be asked again."""
    again = wording.day(proposal.next_step_ms, question.zone)
    raised = proposal.action is BasalAction.INCREASE
    return (
        "any glucose below 70 mg/dL (3.9 mmol/L), above all at night, calls for "
        f"{'the dose before or less' if raised else 'a lower dose'}; {proposal.table.fasting_values} new "
        f"fasting values are needed; next step by {proposal.table.title} from {again}."
    )


def _undo(proposal: BasalProposal) -> str:
    if proposal.current_dose_u is None:
        return "stop the new order; there was no basal insulin before."
    back = f"order {units_text(proposal.current_dose_u)} a day again, the dose in use before this order"
    return f"{back}; long-acting insulin goes on acting for a day or more."


def _provenance(question: Question, answer: Assessment[BasalProposal]) -> str:
    table, limits = answer.result.table, answer.result.safety_limits
    return (
        f"Limits {limits.id} {limits.version}, signed by {wording.plain(limits.signed_by)} on "
        f"{limits.signed_on:%d %b %Y} (owner {wording.plain(limits.owner)}, dated {limits.dated:%d %b %Y}; "
        f"{wording.plain(limits.source, LONGEST_SOURCE).rstrip('.')}). "
        f"Model {answer.model} {answer.version}. {wording.moment(question.as_of_ms, question.zone)}. "
        f"Table {table.id} {table.version} ({table.source.strip()})"
    )


def _suggestions(
    question: Question, proposal: BasalProposal, draft: Draft
) -> tuple[tuple[Suggestion, ...], str | None]:
    """The draft at the proposed dose, then at each other dose; or why it cannot be edited.

    None where the draft already says the proposed dose: what is left would read as advice to change it.
    """
    drafted_u = _size(draft, proposal).drafted_u
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
