"""Rules on the dose of an insulin order: readable, not far from the dose in use, not too much for the weight.

Sits inside the order check; each rule yields what it found, or the reason why it could not look.
"""

from collections.abc import Iterator
from typing import Final

from models.assessment import Input, Reason, ReasonCode
from models.dosing.dose_format import stated_units_text
from models.dosing.order_dose_in_use import Change, changes, dose_last_ordered
from models.dosing.order_facts import OrderFacts
from models.dosing.order_finding import Finding
from models.patient_record import InsulinKind

MISREAD_FACTOR: Final = 5.0
"""A dose this many times the last one is taken for a slip of the decimal point (hazard H-05)."""

DOUBLED_FACTOR: Final = 2.0
DOUBLED_U: Final = 4.0
HALF_MORE_FACTOR: Final = 1.5
HALVED_FACTOR: Final = 0.5
"""Changes of a dose that no titration makes in one step (hazard H-01: 10 %, or 2 units; the largest signed
weekly step is 20 %). From double and 4 units the order is more likely wrong than meant; our judgement."""

FAR_ABOVE_U_PER_KG: Final = 2.0
"""Above this a day in one order is taken for a slip; severe insulin resistance begins there
(Ovalle 2010, Diabetes Res Clin Pract 90:231)."""

START_U_PER_KG: Final = 0.5
"""Highest total of a day to start with: ADA Standards of Care, section 9 (type 1: 0.4 to 1.0 of which 0.5 is
typical; type 2 basal: 0.1 to 0.2)."""

START_U: Final = 30.0
"""The same where no weight is known: half a unit per kg of 60 kg (our judgement)."""

BOLUS_WARN_U: Final = 20.0
BOLUS_CRITICAL_U: Final = 30.0
"""Guard rails of Loop for one bolus (hazard H-01)."""

CONTRADICTIONS: Final = ("differ", "not in insulin units", "implausible")
"""Words of the mapper's reasons for an unread dose that speak of a contradiction in the order."""

DECIMAL: Final = "look for a slip of the decimal point"
LONG_ACTING: Final = frozenset({InsulinKind.LONG, InsulinKind.INTERMEDIATE, InsulinKind.LONG_WITH_GLP1})


def unread_dose(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """An order whose dose cannot be read, or whose code and text say different things."""
    order, why = facts.order, facts.order.why_no_dose
    if order.product.contradictory:
        return
    if why and "frequency and" in why:
        coded = f"{order.doses_per_day or 0:g} a day"
        headline = f"the coded frequency ({coded}) and the instruction text differ: daily dose not known"
        printed = Input("instruction text", order.instruction_text, "", None)
        yield Finding("frequency_contradiction", headline, "Code and text must agree.", (printed,))
    elif why and any(word in why for word in CONTRADICTIONS):
        yield Finding("dose_contradiction", f"the order contradicts itself or cannot be right: {why}")
        return
    if order.dose_range_u is not None and order.dose_u is not None:
        text = f"The dose is a range: its upper end, {stated_units_text(order.dose_u)}, was checked alone."
        yield Reason(ReasonCode.INCOMPLETE, "dose_range", text)
    elif order.daily_dose_u is None and order.dose_u is None:
        text = f"The dose was not checked: {why or 'the order states none'}."
        yield Reason(ReasonCode.MISSING, "dose", text)
    elif order.daily_dose_u is None:
        text = f"The dose of a day was not checked: {why or 'it is not fixed'}."
        yield Reason(ReasonCode.MISSING, "daily_dose", text)


def change(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """A dose far above or below the one in use, whatever the insulin, weight and type of diabetes."""
    if facts.in_use is None and facts.previous is not None:
        why = facts.previous.why_no_dose or "no fixed dose is stated"
        text = f"The dose in use cannot be read ({why}): the change was not checked."
        yield Reason(ReasonCode.MISSING, "current_dose", text)
    past = None if facts.in_use else dose_last_ordered(facts.record, facts.order)
    compared = facts.changes or tuple(changes(past, facts.order))
    if not compared:
        return
    before = "last ordered" if past else "in use"
    largest, least = max(compared, key=_ratio), min(compared, key=_ratio)
    found = _rise(largest, before) or _fall(least, before, facts)
    if found is not None:
        yield Finding(*found, evidence=(past.source,) if past else ())


def _ratio(found: Change) -> float:
    return found.ratio


def _rise(found: Change, before: str) -> tuple[str, str, str] | None:
    doses = f"{found.after_text}, {found.ratio:.3g} times the {found.before_u:.4g} {before}"
    if found.ratio >= MISREAD_FACTOR:
        return "ten_times_more", f"{doses}: {DECIMAL}", ""
    if found.ratio >= DOUBLED_FACTOR and found.after_u - found.before_u >= DOUBLED_U:
        return (
            "doubled",
            doses,
            "No dose is doubled in one step: verify number, unit and drug.",
        )
    if found.ratio >= HALF_MORE_FACTOR:
        return "raised_by_half", doses, "No titration table raises a dose by half in one step."
    return None


def _fall(found: Change, before: str, facts: OrderFacts) -> tuple[str, str, str] | None:
    share = f"{found.after_text}, {found.ratio * 100:.2g} % of the {found.before_u:.4g} {before}"
    long = facts.order.product.kind in LONG_ACTING
    dka = long and "type_1_diabetes" in facts.record.concepts()
    consequence = "In type 1 diabetes too little basal insulin brings on ketoacidosis (DKA)." if dka else ""
    if found.ratio * MISREAD_FACTOR <= 1:
        return "ten_times_less", f"{share}: {DECIMAL}", consequence
    if long and found.ratio <= HALVED_FACTOR:
        return "halved", share + (": risk of ketoacidosis (DKA)" if dka else ""), consequence
    return None


def dose_for_weight(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """A daily dose far above what the body weight explains."""
    if isinstance(facts.weight, Reason):
        implausible = facts.weight.code is ReasonCode.IMPLAUSIBLE
        yield Finding("weight", facts.weight.text.rstrip(".")) if implausible else facts.weight
        return
    dose_u, weight_kg = facts.order.daily_dose_u, float(facts.weight.value)
    if dose_u is not None and dose_u > FAR_ABOVE_U_PER_KG * weight_kg:
        doses = f"{stated_units_text(dose_u)} a day are {dose_u / weight_kg:.1f} units per kg"
        headline = f"{doses}, above {FAR_ABOVE_U_PER_KG:g}: look for a slip"
        yield Finding("far_above_weight", headline, evidence=(facts.weight,))


def start(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """A first dose that is high for anybody: above 0.5 units per kg a day, or 30 units without a weight."""
    dose_u, weight_kg = facts.order.daily_dose_u or facts.order.dose_u, facts.weight_kg
    if facts.in_use is not None or dose_u is None:
        return
    if not facts.record.insulin_orders:
        dose_u += sum(other.daily_dose_u or 0.0 for other in facts.signing.others)
    first = f"{stated_units_text(dose_u)} with no dose in use known"
    if weight_kg is None and dose_u > START_U:
        yield Finding("start_far_above", f"{first}, and no weight to hold it against (limit {START_U:g})")
    elif weight_kg is not None and dose_u > START_U_PER_KG * weight_kg:
        headline = f"{first}: {dose_u / weight_kg:.2f} units per kg, above {START_U_PER_KG:g}"
        yield Finding("start_far_above", headline)


def single_dose(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """A large single dose of mealtime insulin."""
    dose_u = facts.order.dose_u
    if not facts.is_mealtime:
        return
    if dose_u is None and facts.order.daily_dose_u is not None:
        text = "The doses of the day differ: the limit of a single dose was not applied."
        yield Reason(ReasonCode.MISSING, "single_dose", text)
    elif dose_u is not None and dose_u > BOLUS_WARN_U:
        limit, rule = BOLUS_WARN_U, "bolus_high"
        if dose_u > BOLUS_CRITICAL_U:
            limit, rule = BOLUS_CRITICAL_U, "bolus_very_high"
        yield Finding(rule, f"one mealtime dose of {stated_units_text(dose_u)} is above {limit:.0f} units")


DOSE_RULES: Final = (unread_dose, change, dose_for_weight, start, single_dose)
