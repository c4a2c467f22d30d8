"""Titration of basal insulin in type 2 diabetes: lows first, a published table, then the clamp.

The dosing model behind the insulin adjustment service. `assess` gathers what is known, refuses where anything
needed is missing or forbids a dose, asks the table, and gives `models.dosing.limits` the last word.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from models.assessment import Assessment, Input, NotAssessed, Outcome, Reason, ReasonCode, Refused
from models.dosing.basal_alternatives import alternatives
from models.dosing.basal_case import Case, TitrationRule
from models.dosing.basal_evidence import checks_made, inputs_used, lowest_glucose, newest_glucose, not_known
from models.dosing.basal_order import BasalInUse, basal_in_use
from models.dosing.basal_products import product_rule
from models.dosing.basal_proposal import BasalAction, BasalProposal
from models.dosing.basal_wish import Wish, fasting_low, wish
from models.dosing.cautious_goal import cautious_because
from models.dosing.dose_format import glucose_text
from models.dosing.dosing_inputs import read_inputs
from models.dosing.fasting_set import fasting_set, values_for_table
from models.dosing.hyperglycaemic_crisis import crisis_reasons, ketone_advice
from models.dosing.limit_words import none_left
from models.dosing.limits import clamp_basal
from models.dosing.next_steps import next_steps
from models.dosing.overbasalisation import overbasalisation_signs
from models.dosing.population import age_years, population_reasons
from models.dosing.recent_lows import RecentLows, recent_lows
from models.dosing.titration_table import find_table
from models.features.fasting import FastingValue
from models.patient_record import InsulinOrder, PatientRecord

MODEL: Final = "basal-titration"
VERSION: Final = "1.1.0"

DATA_REASONS: Final = frozenset(
    {
        ReasonCode.MISSING,
        ReasonCode.STALE,
        ReasonCode.SPARSE,
        ReasonCode.IMPLAUSIBLE,
        ReasonCode.INCOMPLETE,
    }
)
"""With these alone the dose is not assessed; any other reason makes it a refusal."""

LOW_NOW: Final = "current_glucose_low"
VERY_LOW_NOW: Final = "current_glucose_very_low"

Answer = Assessment[BasalProposal] | NotAssessed | Refused


def assess(
    record: PatientRecord, draft: InsulinOrder, as_of_ms: int, rule: TitrationRule, zone: str | None
) -> Answer:
    """The basal dose for the drafted order, or every reason why there is none.

    The dose in use is that of the active order in `record`; `draft` only names the insulin to be ordered.
    """
    case = _gather(record, draft, as_of_ms, _rule_for(draft, rule), zone)
    if not isinstance(case, Case):
        return no_answer(case, as_of_ms, _seen(recent_lows(record, as_of_ms)))
    no_start = _no_start(case) if case.basal.dose_u is None else None
    return _propose(case) if no_start is None else no_answer((no_start,), as_of_ms, _lows_seen(case))


def _rule_for(draft: InsulinOrder, rule: TitrationRule) -> TitrationRule:
    """The organisation's table, or the product's own where it has one."""
    product = product_rule(draft.product)
    if product is None or product.table is None:
        return rule
    return replace(rule, table=find_table(product.table))


def no_answer(reasons: tuple[Reason, ...], as_of_ms: int, seen: tuple[Input, ...]) -> NotAssessed | Refused:
    """A refusal where a reason forbids the dose, else 'not assessed'; never a number of units."""
    if all(reason.code in DATA_REASONS for reason in reasons):
        return NotAssessed(MODEL, VERSION, as_of_ms, reasons)
    return Refused(MODEL, VERSION, as_of_ms, reasons, seen)


def _seen(lows: RecentLows) -> tuple[Input, ...]:
    newest, lowest = newest_glucose(lows), lowest_glucose(lows)
    apart = lows.newest != lows.lowest_in_7_d
    return tuple(found for found in (newest, lowest if apart else None) if found is not None)


def _lows_seen(case: Case) -> tuple[Input, ...]:
    """The glucose that a refusal of one case rests on, fasting values of the morning too."""
    low = case.low_fasting
    fasting = (replace(fasting_low(low), name="fasting glucose"),) if low else ()
    return (*_seen(case.lows), *fasting)


def _gather(
    record: PatientRecord, draft: InsulinOrder, as_of_ms: int, rule: TitrationRule, zone: str | None
) -> Case | tuple[Reason, ...]:
    lows, inputs = recent_lows(record, as_of_ms), read_inputs(record, as_of_ms)
    basal, fasting = basal_in_use(record, draft, as_of_ms), fasting_set(record, as_of_ms, zone)
    used = _values_used(fasting, basal, rule, as_of_ms)
    reasons = (
        *_low_now(lows),
        *crisis_reasons(lows, () if isinstance(used, Reason) else used, as_of_ms),
        *population_reasons(record, as_of_ms, zone),
        *(inputs if isinstance(inputs, tuple) else ()),
        *(basal if isinstance(basal, tuple) else ()),
        *((used,) if isinstance(used, Reason) else ()),
    )
    age = age_years(record.birth_date, as_of_ms, zone) if record.birth_date else 0
    product = product_rule(draft.product)
    if reasons or isinstance(inputs, tuple) or isinstance(basal, tuple) or product is None:
        return reasons
    if isinstance(used, Reason) or isinstance(fasting, Reason):
        return reasons
    return Case(
        record=record,
        as_of_ms=as_of_ms,
        rule=rule,
        age_years=age,
        inputs=inputs,
        basal=basal,
        product=product,
        lows=lows,
        fasting=used,
        fasting_week=fasting,
        signs=overbasalisation_signs(record, fasting, lows.metrics, as_of_ms, zone),
        cautious_because=cautious_because(age, record.concepts(), rule.cautious_goal),
    )


def _values_used(
    fasting: tuple[FastingValue, ...] | Reason,
    basal: BasalInUse | tuple[Reason, ...],
    rule: TitrationRule,
    as_of_ms: int,
) -> tuple[FastingValue, ...] | Reason:
    if isinstance(fasting, Reason) or isinstance(basal, tuple):
        return fasting
    return values_for_table(fasting, rule.table, basal, basal.waited(rule.table.cadence_days, as_of_ms))


def _low_now(lows: RecentLows) -> Iterator[Reason]:
    if lows.low_now and lows.newest is not None:
        about = VERY_LOW_NOW if lows.very_low_now else LOW_NOW
        text = (
            f"Glucose is {glucose_text(float(lows.newest.value))} now: treat the low first, no dose is given."
        )
        yield Reason(ReasonCode.UNSAFE, about, text)


def _no_start(case: Case) -> Reason | None:
    if case.lows.recently or case.lows.time_below_over_target or case.low_fasting:
        text = "Glucose was low lately: no insulin is started."
        return Reason(ReasonCode.UNSAFE, "recent_lows", text)
    if case.rule.table.start is None:
        text = f"{case.rule.table.title} has no rule to start insulin."
        return Reason(ReasonCode.OUT_OF_POPULATION, "start", text)
    if not case.goal[1].exceeded_by(case.fasting_mgdl):
        text = f"Fasting glucose {glucose_text(case.fasting_mgdl)} is not above the goal: no start is due."
        return Reason(ReasonCode.OUT_OF_POPULATION, "fasting_glucose", text)
    return None


def _propose(case: Case) -> Answer:
    asked = wish(case)
    clamped = clamp_basal(asked.dose_u, case.situation(), case.rule.limits.basal)
    if not clamped.dose_u:
        text = none_left(clamped.limits)
        return no_answer((Reason(ReasonCode.UNSAFE, "limits", text),), case.as_of_ms, _lows_seen(case))
    if clamped.dose_u < case.product.min_u:
        text = "The dose would fall below the lowest that this product delivers: consider another insulin."
        return no_answer((Reason(ReasonCode.UNSAFE, "lowest_dose", text),), case.as_of_ms, _lows_seen(case))
    return Assessment(
        model=MODEL,
        version=VERSION,
        as_of_ms=case.as_of_ms,
        outcome=Outcome.ASSESSED_POSITIVE,
        result=_proposal(case, asked, clamped.dose_u),
        limits=(*asked.limits, *clamped.limits),
        inputs=inputs_used(case, asked.low),
        checks=checks_made(case),
        notes=not_known(case),
    )


def _proposal(case: Case, asked: Wish, dose_u: float) -> BasalProposal:
    current_u = case.basal.dose_u
    return BasalProposal(
        action=_action(current_u, dose_u),
        current_dose_u=current_u,
        proposed_dose_u=dose_u,
        why=asked.why,
        cause=asked.cause,
        table=case.rule.table,
        fasting=case.fasting,
        fasting_mgdl=case.fasting_mgdl,
        signs=case.signs,
        alternatives=alternatives(case, dose_u),
        next_steps=next_steps(case, dose_u),
        ketones=ketone_advice(case.record.medications, case.lows, case.fasting),
        goal=case.goal,
        cautious_because=case.cautious_because,
        lowest=lowest_glucose(case.lows),
        weight_kg=case.inputs.weight_kg,
        changed_ms=case.basal.changed_ms,
        next_step_ms=case.next_step_ms(dose_u),
        safety_limits=case.rule.limits,
    )


def _action(current_u: float | None, dose_u: float) -> BasalAction:
    if current_u is None:
        return BasalAction.START
    if dose_u == current_u:
        return BasalAction.HOLD
    return BasalAction.INCREASE if dose_u > current_u else BasalAction.REDUCE
