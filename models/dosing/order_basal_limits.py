"""The limits of basal titration in type 2 diabetes, held against an order: start, step, interval, ceiling.

Sits inside the order check. Lows have rules of their own that hold for every insulin.
"""

import math
from collections.abc import Iterator
from typing import Final

from models.assessment import Reason, ReasonCode
from models.dosing.basal_products import product_rule
from models.dosing.dose_format import stated_units_text
from models.dosing.limits import LimitName, Situation, clamp_basal
from models.dosing.order_facts import OrderFacts
from models.dosing.order_finding import Finding
from models.features.sampling import DAY_MS
from models.patient_record import InsulinKind

_BY_LIMIT: Final[dict[LimitName, str]] = {
    "no_increase_before_interval": "changed_too_soon",
    "no_increase_above_ceiling": "overbasalisation",
    "ceiling": "overbasalisation",
    "step": "step_too_large",
    "product_maximum": "product_maximum",
    "start": "start_too_high",
}
_HEADLINES: Final = {
    "changed_too_soon": "{} before 3 days have passed since the last change",
    "overbasalisation": "{} passes 0.5 units per kg a day",
    "product_maximum": "{} is above the highest daily dose of this product",
    "step_too_large": "{} rises by more than 2 units and 10 %",
    "start_too_high": "{} to start with is above 10 units or 0.2 units per kg",
}
_DETAILS: Final = {
    "overbasalisation": "A sign of overbasalisation: more basal insulin rarely helps, mealtime cover may.",
    "step_too_large": "The limit is the greater of the two.",
    "start_too_high": "The limit is the lower of the two.",
}
NOT_TYPE_2: Final = (
    "Limits of start, step and ceiling of basal doses hold for type 2 diabetes and were not applied: "
)


def basal_limits(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """What the clamp of basal titration would not let through, or why it was not asked."""
    dose_u, weight_kg = facts.order.daily_dose_u, facts.weight_kg
    if not facts.is_basal or dose_u is None:
        return
    missing = _why_not(facts)
    if missing is not None:
        yield missing
    elif weight_kg is not None and facts.orders_known and not _unread_dose_in_use(facts):
        yield from _beyond(facts, dose_u, weight_kg)


def _why_not(facts: OrderFacts) -> Reason | None:
    concepts, rule = facts.record.concepts(), product_rule(facts.order.product)
    switched = facts.in_use is not None and not facts.replaced and facts.in_use.ordered
    if "type_1_diabetes" in concepts:
        return Reason(ReasonCode.OUT_OF_POPULATION, "basal_limits", f"{NOT_TYPE_2}this is type 1.")
    if "type_2_diabetes" not in concepts:
        return Reason(ReasonCode.MISSING, "diabetes_type", f"{NOT_TYPE_2}no type is on the problem list.")
    if facts.order.product.kind is InsulinKind.PREMIX or (rule is None and facts.in_use is not None):
        text = "Limits of start, step and ceiling do not hold for this insulin and were not applied."
        return Reason(ReasonCode.OUT_OF_POPULATION, "basal_limits", text)
    if switched:
        text = "A switch from another basal insulin: the limits of a start and of a step were not applied."
        return Reason(ReasonCode.OUT_OF_POPULATION, "basal_start", text)
    if facts.in_use is None and (rule is None or not rule.may_start):
        text = "The first dose of this insulin depends on the therapy before it and was not checked."
        return Reason(ReasonCode.OUT_OF_POPULATION, "basal_start", text)
    return None


def _unread_dose_in_use(facts: OrderFacts) -> bool:
    """Another rule says so already."""
    return bool(facts.replaced) and facts.previous_u is None


def _beyond(facts: OrderFacts, dose_u: float, weight_kg: float) -> Iterator[Finding | Reason]:
    days = _days_since_change(facts)
    if days is None and facts.previous_u and dose_u > facts.previous_u:
        text = "When the dose in use last changed is not known: the interval between changes was not checked."
        yield Reason(ReasonCode.MISSING, "dose_change_date", text)
    clamped = clamp_basal(dose_u, _situation(facts, weight_kg, days), facts.limits)
    if "out_of_bounds" in clamped.limits:
        yield Reason(ReasonCode.IMPLAUSIBLE, "dose", "The dose in use or ordered is not plausible.")
    dose = f"{stated_units_text(dose_u)} a day"
    change = f"{facts.previous_u:.4g} to {dose}" if facts.previous_u else dose
    for rule in (_BY_LIMIT[name] for name in clamped.limits if name in _BY_LIMIT):
        yield Finding(rule, _HEADLINES[rule].format(change), _DETAILS.get(rule, ""))


def _days_since_change(facts: OrderFacts) -> float | None:
    changed = [at for o in facts.replaced[:1] for at in (o.authored_ms, o.start_ms) if at is not None]
    return (facts.as_of_ms - max(changed)) / DAY_MS if changed else None


def _situation(facts: OrderFacts, weight_kg: float, days: float | None) -> Situation:
    """The clamp's facts without lows, and without an unknown interval: they would hide every other limit."""
    rule = product_rule(facts.order.product)
    return Situation(
        current_dose_u=facts.previous_u or None,
        weight_kg=weight_kg,
        days_since_change=math.inf if days is None else days,
        low_now=False,
        low_recently=False,
        time_below_over_target=False,
        weekly_table=True,
        increment_u=0.5,
        product_max_u=rule.max_u if rule and facts.order.product.kind is InsulinKind.LONG_WITH_GLP1 else None,
    )
