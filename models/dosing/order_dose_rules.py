"""Rules on the dose of an insulin order: size, change, weight, concentration, contradictions.

Sits inside the order check; each rule yields what it found, or the reason why it could not look.
"""

from collections.abc import Iterator
from typing import Final

from models.assessment import Reason, ReasonCode
from models.dosing.basal_products import product_rule
from models.dosing.limits import LimitName, Situation, clamp_basal
from models.dosing.order_facts import OrderFacts
from models.dosing.order_finding import Finding
from models.features.sampling import DAY_MS
from models.patient_record import InsulinKind

MISREAD_FACTOR: Final = 5.0
"""A dose this many times the last one is taken for a slip of the decimal point (hazard H-05)."""

FAR_ABOVE_U_PER_KG: Final = 2.0
"""Above this a day in one order is taken for a slip; severe insulin resistance begins there
(Ovalle 2010, Diabetes Res Clin Pract 90:231)."""

BOLUS_WARN_U: Final = 20.0
BOLUS_CRITICAL_U: Final = 30.0
"""Guard rails of Loop for one bolus (hazard H-01)."""

UNITS_PER_ML: Final = 100.0
CONTRADICTIONS: Final = ("differ", "not in insulin units", "implausible")
"""Words of the mapper's reasons for an unread dose that speak of a contradiction in the order."""

_BY_LIMIT: Final[dict[LimitName, str]] = {
    "no_increase_after_low": "raised_after_low",
    "no_increase_time_below_range": "raised_after_low",
    "no_increase_before_interval": "changed_too_soon",
    "no_increase_above_ceiling": "overbasalisation",
    "ceiling": "overbasalisation",
    "step": "step_too_large",
    "product_maximum": "product_maximum",
    "start": "start_too_high",
}
_LIMIT_TEXTS: Final = {
    "raised_after_low": "Basal insulin is started or raised although glucose was low lately",
    "changed_too_soon": "Basal insulin is raised again before 3 days have passed since the last change",
    "overbasalisation": "The basal dose passes 0.5 units per kg a day: a sign of overbasalisation",
    "product_maximum": "The daily dose is above the highest that this product is meant for",
    "step_too_large": "The basal dose rises by more than the greater of 2 units and 10 %",
    "start_too_high": "The first basal dose is above the lower of 10 units and 0.2 units per kg a day",
}


def unread_dose(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """An order whose dose cannot be read, or whose code and text say different things."""
    why = facts.order.why_no_dose
    if why and any(word in why for word in CONTRADICTIONS):
        yield Finding("dose_contradiction", f"The order contradicts itself or cannot be right: {why}.")
    elif facts.order.daily_dose_u is None and facts.order.dose_u is None:
        text = f"The dose was not checked: {why or 'the order states none'}."
        yield Reason(ReasonCode.MISSING, "dose", text)


def misread_dose(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """A dose several times more, or less, than the one in use."""
    dose_u, previous_u = facts.order.daily_dose_u, facts.previous_u
    if dose_u is None or not previous_u:
        return
    if dose_u >= MISREAD_FACTOR * previous_u:
        times = f"{dose_u / previous_u:.0f} times"
        text = f"The daily dose is {times} the dose in use: look for a slip of the decimal point."
        yield Finding("ten_times_more", text)
    elif dose_u * MISREAD_FACTOR <= previous_u:
        text = "The daily dose is a fifth of the dose in use or less: look for a slip of the decimal point."
        yield Finding("ten_times_less", text)


def dose_for_weight(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """A daily dose far above what the body weight explains."""
    if isinstance(facts.weight, Reason):
        implausible = facts.weight.code is ReasonCode.IMPLAUSIBLE
        yield Finding("weight", facts.weight.text) if implausible else facts.weight
        return
    dose_u, weight_kg = facts.order.daily_dose_u, float(facts.weight.value)
    if dose_u is not None and dose_u > FAR_ABOVE_U_PER_KG * weight_kg:
        per_kg = f"{dose_u / weight_kg:.1f} units per kg"
        text = f"The daily dose is {per_kg}: above {FAR_ABOVE_U_PER_KG:g}, look for a slip."
        yield Finding("far_above_weight", text)


def basal_limits(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """The limits of basal titration in type 2 diabetes: start, step, interval, ceiling, lows."""
    dose_u, weight_kg = facts.order.daily_dose_u, facts.weight_kg
    if not facts.is_basal or dose_u is None or weight_kg is None or not facts.orders_known:
        return
    concepts = facts.record.concepts()
    if "type_2_diabetes" not in concepts:
        if "type_1_diabetes" not in concepts:
            text = "No type of diabetes is on the problem list: limits of basal doses were not applied."
            yield Reason(ReasonCode.MISSING, "diabetes_type", text)
        return
    if facts.previous is not None and facts.previous_u is None:
        text = f"The dose in use cannot be read ({facts.previous.why_no_dose}): the change was not checked."
        yield Reason(ReasonCode.MISSING, "current_dose", text)
        return
    rule = product_rule(facts.order.product)
    if facts.previous is None and (rule is None or not rule.may_start):
        return
    clamped = clamp_basal(dose_u, _situation(facts, weight_kg), facts.limits)
    if "out_of_bounds" in clamped.limits:
        yield Reason(ReasonCode.IMPLAUSIBLE, "dose", "The dose in use or ordered is not plausible.")
    change = f"{facts.previous_u or 0:g} to {dose_u:g} units a day"
    rules = [_BY_LIMIT[name] for name in clamped.limits if name in _BY_LIMIT]
    yield from (Finding(rule, f"{_LIMIT_TEXTS[rule]} ({change}).") for rule in rules)


def single_dose(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """A large single dose of mealtime insulin."""
    dose_u = facts.order.dose_u
    if not facts.is_mealtime or dose_u is None:
        return
    if dose_u > BOLUS_CRITICAL_U:
        yield Finding("bolus_very_high", f"One mealtime dose is above {BOLUS_CRITICAL_U:.0f} units.")
    elif dose_u > BOLUS_WARN_U:
        yield Finding("bolus_high", f"One mealtime dose is above {BOLUS_WARN_U:.0f} units.")


def product(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """An insulin whose action nobody can tell from the order."""
    if facts.order.product.kind is None:
        text = "Which kind of insulin is ordered cannot be told; no limit of doses was applied."
        yield Reason(ReasonCode.INCOMPLETE, "insulin_product", text)


def concentration(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """An insulin that is not of standard concentration, or of another than the order before."""
    strength = facts.order.product.units_per_ml
    before = facts.previous.product.units_per_ml if facts.previous else None
    if strength is None:
        yield Finding("concentration_unknown", "The order does not state the concentration of the insulin.")
    elif before is not None and before != strength:
        text = "The concentration differs from that of the order in use: the same units are another volume."
        yield Finding("concentration_mismatch", text)
    elif strength != UNITS_PER_ML:
        text = (
            "The insulin is not of the standard concentration; it must not be drawn up with a usual syringe."
        )
        yield Finding("concentrated", text)


def _situation(facts: OrderFacts, weight_kg: float) -> Situation:
    previous, rule = facts.previous, product_rule(facts.order.product)
    changed = [at for at in (previous.authored_ms, previous.start_ms) if at is not None] if previous else []
    return Situation(
        current_dose_u=facts.previous_u or None,
        weight_kg=weight_kg,
        days_since_change=(facts.as_of_ms - max(changed)) / DAY_MS if changed else None,
        low_now=False,
        low_recently=facts.lows.recently,
        time_below_over_target=facts.lows.time_below_over_target,
        weekly_table=True,
        increment_u=0.5,
        product_max_u=rule.max_u if rule and facts.order.product.kind is InsulinKind.LONG_WITH_GLP1 else None,
    )


DOSE_RULES: Final = (
    unread_dose,
    misread_dose,
    dose_for_weight,
    basal_limits,
    single_dose,
    product,
    concentration,
)
