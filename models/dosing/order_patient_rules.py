"""Rules on the patient for whom insulin is ordered: kidneys, age, problems, drugs, and data that are missing.

Sits inside the order check; each rule yields what it found, or the reason why it could not look.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from models.assessment import Input, Reason, ReasonCode
from models.dosing.basal_case import CAUTIOUS_BELOW_EGFR, CAUTIOUS_FROM_YEARS
from models.dosing.basal_titration import DATA_REASONS
from models.dosing.dosing_inputs import LOWEST_EGFR
from models.dosing.order_facts import OrderFacts
from models.dosing.order_finding import Finding
from models.dosing.population import (
    ADULT_YEARS,
    SEVERE_LOW,
    STEROID_DAYS,
    drug_reasons,
    incomplete_data,
    recorded_within,
)
from models.features.sampling import DAY_MS
from models.patient_record import Medication

REDUCED_NEED_U_PER_KG: Final = 0.3
"""Total daily insulin at which age 70 or eGFR below 60 calls for another look (hazard H-14)."""

OLD_YEARS: Final = 75
"""From here a raise is looked at again: lows are more frequent and more dangerous (ADA, section 13)."""

SEVERE_LOW_DAYS: Final = 30

STEROID: Final = "systemic_steroid"
STEROID_COURSE_DAYS: Final = 28
"""A course whose end nobody recorded is taken for ended lately while it was begun within these days."""

PROBLEMS: Final[Mapping[str, tuple[str, str]]] = {
    "dka": ("ketoacidosis", "diabetic ketoacidosis is on the problem list: look for ketones now"),
    "pregnancy": ("pregnancy", "pregnancy is on the problem list: targets and insulin need are others"),
    "gestational_diabetes": ("pregnancy", "gestational diabetes is on the problem list"),
    "hypoglycaemia_unawareness": ("unawareness", "unawareness of hypoglycaemia is on the problem list"),
    "eating_disorder": ("unawareness", "an eating disorder is on the problem list"),
}


def kidneys(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Kidney function that lowers the need of insulin, above all where the dose goes up."""
    egfr = facts.egfr
    if "dialysis" in facts.record.concepts():
        yield _kidneys(facts, "dialysis is on the problem list")
    elif isinstance(egfr, Input):
        return
    elif egfr.code in DATA_REASONS:
        yield egfr
    elif egfr.code is ReasonCode.OUT_OF_POPULATION:
        yield _kidneys(facts, egfr.text.split(";")[0])
    else:
        yield _kidneys(facts, egfr.text.rstrip("."))


def _kidneys(facts: OrderFacts, found: str) -> Finding:
    rule = "kidneys_and_raised" if facts.raises else "kidneys"
    detail = f"Below {LOWEST_EGFR:.0f}, and while it falls, insulin acts longer and lows are more likely."
    return Finding(rule, f"{found}; dose {facts.change_text}", detail)


def reduced_need(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """A high total in old age or with weak kidneys (hazard H-14)."""
    older = facts.age is not None and facts.age >= CAUTIOUS_FROM_YEARS
    weak = isinstance(facts.egfr, Input) and float(facts.egfr.value) < CAUTIOUS_BELOW_EGFR
    if not (older or weak) or not facts.raises or facts.weight_kg is None:
        return
    doses = [o.daily_dose_u for o in (facts.order, *facts.current)]
    known = [dose_u for dose_u in doses if dose_u is not None]
    per_kg = sum(known) / facts.weight_kg
    if per_kg > REDUCED_NEED_U_PER_KG:
        kidneys = f" and eGFR {facts.egfr.value:.0f}" if isinstance(facts.egfr, Input) else ""
        headline = f"total raised to {per_kg:.2f} units per kg a day at age {facts.age}{kidneys}"
        detail = f"Above {REDUCED_NEED_U_PER_KG:g} the need is often lower."
        yield Finding("reduced_need", headline, detail)
    elif len(known) < len(doses):
        text = "An order without a fixed daily dose leaves the total insulin of a day unknown."
        yield Reason(ReasonCode.MISSING, "total_daily_insulin", text)


def person(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Age, and whether the patient lives."""
    if facts.record.deceased:
        yield Finding("deceased", "the patient is recorded as deceased")
    if facts.age is None:
        yield Reason(ReasonCode.MISSING, "birth_date", "The date of birth is not known.")
    elif facts.age < ADULT_YEARS:
        yield Finding("child", f"the patient is {facts.age} years old; the limits used are those of adults")
    elif facts.age >= OLD_YEARS and facts.raises:
        yield Finding("old_and_raised", f"age {facts.age}, dose {facts.change_text}: check the goal first")


def problems(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Problems that change what a dose does, when insulin is started or raised."""
    concepts = facts.record.concepts()
    found = [PROBLEMS[c] for c in PROBLEMS if c in concepts and (facts.raises or c == "dka")]
    yield from (Finding(rule, headline) for rule, headline in found)
    lows = [c for c in facts.record.conditions if c.concept == SEVERE_LOW]
    recent = any(recorded_within(c, SEVERE_LOW_DAYS, facts.as_of_ms) for c in lows)
    if recent and not facts.lowers:
        headline = f"hypoglycaemia was recorded as a problem within {SEVERE_LOW_DAYS} days, or without a date"
        yield Finding("severe_low", headline, f"The dose is {facts.change_text}.")


def drugs(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Drugs that change the need, and medications that nobody can name."""
    ended = None if facts.lowers else _steroid_ended(facts)
    if ended is not None:
        yield ended
    for reason in drug_reasons(facts.record, facts.as_of_ms):
        if reason.code in DATA_REASONS:
            yield reason
        elif reason.code is ReasonCode.UNSAFE:
            yield Finding("severe_low", reason.text.rstrip("."))
        elif not (ended and reason.about == STEROID):
            yield Finding("drug", reason.text.rstrip("."))


def _steroid_ended(facts: OrderFacts) -> Finding | None:
    """A systemic steroid that ended lately or is about to, while the dose does not come down."""
    record, week_ms = facts.record, STEROID_DAYS * DAY_MS
    past = [d for d in record.past_medications if d.drug_class == STEROID and _ended_lately(d, facts)]
    ending = [
        d
        for d in record.medications
        if d.drug_class == STEROID and d.end_ms is not None and abs(d.end_ms - facts.as_of_ms) <= week_ms
    ]
    if not (past or ending):
        return None
    drug = (past or ending)[0]
    headline = f"a systemic steroid was stopped or tapered; insulin {facts.change_text}"
    detail = "Insulin need falls within days of less steroid: lows follow an unchanged dose."
    ended = Input(drug.name or "systemic steroid", "end of the order", "", drug.end_ms, drug.reference)
    return Finding("steroid_stopped", headline, detail, (ended,))


def _ended_lately(drug: Medication, facts: OrderFacts) -> bool:
    if drug.end_ms is not None:
        return facts.as_of_ms - drug.end_ms <= STEROID_DAYS * DAY_MS
    begun_ms = drug.start_ms if drug.start_ms is not None else facts.as_of_ms
    return facts.as_of_ms - begun_ms <= STEROID_COURSE_DAYS * DAY_MS


def completeness(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Data that may be missing in part: a finding in them would not have been seen."""
    yield from incomplete_data(facts.record)


PATIENT_RULES: Final = (kidneys, reduced_need, person, problems, drugs, completeness)
