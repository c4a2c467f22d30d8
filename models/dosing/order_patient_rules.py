"""Rules on the patient for whom insulin is ordered: lows, kidneys, other insulins, problems and drugs.

Sits inside the order check; each rule yields what it found, or the reason why it could not look.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from models import signals
from models.assessment import Reason, ReasonCode
from models.dosing.basal_order import BASAL_KINDS
from models.dosing.basal_titration import DATA_REASONS
from models.dosing.basal_wish import CAUTIOUS_BELOW_EGFR, CAUTIOUS_FROM_YEARS
from models.dosing.dose_format import glucose_text
from models.dosing.insulin_doses import InsulinDoses
from models.dosing.insulin_on_board import RAPID_ADULT, insulin_on_board_u
from models.dosing.order_facts import OrderFacts
from models.dosing.order_finding import Finding
from models.dosing.population import ADULT_YEARS, SEVERE_LOW, drug_reasons, incomplete_data, recorded_within
from models.features.sampling import DAY_MS, MINUTE_MS

REDUCED_NEED_U_PER_KG: Final = 0.3
"""Total daily insulin at which age 70 or eGFR below 60 calls for another look (hazard H-14)."""

ON_BOARD_U: Final = 0.5
"""Insulin on board below half a unit is not worth a line."""

GLUCOSE_HOURS: Final = 48
SEVERE_LOW_DAYS: Final = 30

PROBLEMS: Final[Mapping[str, tuple[str, str]]] = {
    "dka": ("ketoacidosis", "Diabetic ketoacidosis is on the problem list: look for ketones now."),
    "pregnancy": ("pregnancy", "Pregnancy is on the problem list: targets and insulin need are others."),
    "gestational_diabetes": ("pregnancy", "Gestational diabetes is on the problem list."),
    "hypoglycaemia_unawareness": ("unawareness", "Unawareness of hypoglycaemia is on the problem list."),
    "dialysis": ("kidneys", "Dialysis is on the problem list: insulin acts longer."),
    "eating_disorder": ("unawareness", "An eating disorder is on the problem list."),
}


def low_now(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """The present glucose is low, or no glucose is known at all."""
    lows = facts.lows
    if lows.newest is None:
        yield Reason(ReasonCode.MISSING, "glucose", "No glucose of the last 7 days is on record.")
    elif lows.low_now:
        text = f"Glucose is {glucose_text(float(lows.newest.value))} now: treat the low before insulin."
        yield Finding("very_low_now" if lows.very_low_now else "low_now", text)
    elif facts.as_of_ms - (lows.newest.at_ms or 0) > GLUCOSE_HOURS * 60 * MINUTE_MS:
        text = f"The newest glucose is older than {GLUCOSE_HOURS} hours; recent lows were not looked for."
        yield Reason(ReasonCode.STALE, "glucose", text)


def raised_after_low(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Mealtime insulin started or raised after a low; basal insulin has its own limits."""
    low = facts.lows.very_low_in_7_d or facts.lows.low_in_24_h
    by_limits = (
        facts.is_basal and "type_2_diabetes" in facts.record.concepts() and facts.weight_kg is not None
    )
    if low is not None and facts.raises and not by_limits:
        text = f"Insulin is started or raised after a glucose of {glucose_text(float(low.value))}."
        yield Finding("raised_after_low", text)


def kidneys(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Kidney function and age that lower the need of insulin."""
    if isinstance(facts.egfr, Reason):
        yield (
            facts.egfr
            if facts.egfr.code in DATA_REASONS
            else Finding("kidneys", _without_dose(facts.egfr.text))
        )
        return
    older = facts.age is not None and facts.age >= CAUTIOUS_FROM_YEARS
    total_u = sum(o.daily_dose_u or 0.0 for o in (facts.order, *facts.current))
    if (older or float(facts.egfr.value) < CAUTIOUS_BELOW_EGFR) and facts.raises and facts.weight_kg:
        per_kg = total_u / facts.weight_kg
        if per_kg > REDUCED_NEED_U_PER_KG:
            text = (
                f"Insulin is raised to {per_kg:.2f} units per kg a day at age {facts.age} and eGFR "
                f"{facts.egfr.value:.0f}; above {REDUCED_NEED_U_PER_KG:g} the need is often lower."
            )
            yield Finding("reduced_need", text)


def other_basal(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Another basal insulin that stays in force."""
    basal = [o for o in facts.current if o.product.kind in BASAL_KINDS or o.product.kind is None]
    if facts.is_basal and basal:
        names = ", ".join(sorted(f"insulin {o.product.ingredient or 'of unknown kind'}" for o in basal))
        yield Finding("duplicate_basal", f"Another basal insulin is, or may be, ordered too: {names}.")


def on_board(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Mealtime insulin that is still acting, where a correction dose is ordered (hazard H-09)."""
    if not (facts.is_mealtime and facts.order.as_needed):
        return
    bolus = facts.record.series.get(signals.INSULIN_BOLUS)
    if bolus is None or not len(bolus):
        yield Reason(
            ReasonCode.MISSING,
            "insulin_given",
            "No insulin given is on record: what still acts is not known.",
        )
        return
    recent = bolus.between(facts.as_of_ms - DAY_MS, facts.as_of_ms)
    doses = InsulinDoses(recent.at_ms, recent.until_ms, recent.value)
    acting_u = float(insulin_on_board_u(doses, facts.as_of_ms, RAPID_ADULT))
    if acting_u >= ON_BOARD_U:
        yield Finding("insulin_on_board", f"About {acting_u:.1f} units of mealtime insulin are still acting.")


def person(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Age, and whether the patient lives."""
    if facts.record.deceased:
        yield Finding("deceased", "The patient is recorded as deceased.")
    if facts.age is None:
        yield Reason(ReasonCode.MISSING, "birth_date", "The date of birth is not known.")
    elif facts.age < ADULT_YEARS:
        yield Finding("child", "The patient is under 18; the limits used are those of adults.")


def problems(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Problems that change what a dose does, when insulin is started or raised."""
    concepts = facts.record.concepts()
    found = [PROBLEMS[c] for c in PROBLEMS if c in concepts and (facts.raises or c == "dka")]
    yield from (Finding(rule, text) for rule, text in found)
    lows = [c for c in facts.record.conditions if c.concept == SEVERE_LOW]
    if facts.raises and any(recorded_within(c, SEVERE_LOW_DAYS, facts.as_of_ms) for c in lows):
        text = (
            f"Hypoglycaemia was recorded as a problem in the last {SEVERE_LOW_DAYS} days, or without a date."
        )
        yield Finding("severe_low", text)


def drugs(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Drugs that change the need, and medications that nobody can name."""
    for reason in drug_reasons(facts.record, facts.as_of_ms):
        if reason.code in DATA_REASONS:
            yield reason
        elif reason.code is ReasonCode.UNSAFE:
            yield Finding("severe_low", reason.text)
        else:
            yield Finding("drug", reason.text)


def completeness(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Data that may be missing in part: a finding in them would not have been seen."""
    yield from incomplete_data(facts.record)


def _without_dose(text: str) -> str:
    return text.replace("no dose is given", "insulin acts longer and lows are more likely")


PATIENT_RULES: Final = (
    low_now, raised_after_low, kidneys, other_basal, on_board, person, problems, drugs, completeness,
)  # fmt: skip
