"""Rules on the insulin that is ordered: which one, how concentrated, and whether another does the same.

Sits inside the order check; each rule yields what it found, or the reason why it could not look.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from models import signals
from models.assessment import Input, Reason, ReasonCode
from models.dosing.basal_order import BASAL_KINDS, UNITS_PER_ML
from models.dosing.order_dose_in_use import dose_text
from models.dosing.order_facts import MEALTIME_KINDS, OrderFacts
from models.dosing.order_finding import Finding
from models.dosing.order_overlap import is_split, may_coincide, other_brand, same_insulin
from models.features.sampling import DAY_MS
from models.patient_record import InsulinKind, InsulinOrder

BRAND_STRENGTHS: Final[Mapping[str, tuple[float, ...]]] = {
    "lantus": (100,), "basaglar": (100,), "abasaglar": (100,), "semglee": (100,), "rezvoglar": (100,),
    "toujeo": (300,), "levemir": (100,), "tresiba": (100, 200), "humalog": (100, 200), "admelog": (100,),
    "lyumjev": (100, 200), "novolog": (100,), "novorapid": (100,), "fiasp": (100,), "apidra": (100,),
    "humulin n": (100,), "novolin n": (100,), "humulin r": (100, 500), "novolin r": (100,),
}  # fmt: skip
"""Concentrations in units per mL in which each brand is sold (US and EU labels)."""

STRENGTH_IN_TEXT: Final = re.compile(
    r"\bu-?(40|100|200|300|500)\b|\b(40|100|200|300|500)\s*(?:units?|iu)\s*(?:/|per)\s*ml\b", re.I
)
"""A concentration that an instruction prints, of the syringe or of the insulin."""

NAME_CHARS: Final = 30
SHOWN: Final = 3
"""Other orders of the same insulin that are listed; more are counted."""

PUMP_DAYS: Final = 14
LONG_KINDS: Final = frozenset({InsulinKind.LONG, InsulinKind.LONG_WITH_GLP1})


def two_products(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """An order whose codes and names say different drugs: nothing about its dose can be judged."""
    said = facts.order.product.contradictory
    if said:
        names = " and ".join(name[:NAME_CHARS] for name in said[:2])
        yield Finding("two_products", f"the order names two drugs: {names}", "Its dose was not judged.")
    elif facts.order.product.kind is None:
        text = "Which kind of insulin is ordered cannot be told; no limit of doses was applied."
        yield Reason(ReasonCode.INCOMPLETE, "insulin_product", text)


def concentration(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """An insulin that is not of standard concentration, or of another than the order or its text say."""
    product = facts.order.product
    if product.contradictory:
        return
    if product.units_per_ml is None:
        yield Finding("concentration_unknown", "the order does not state the concentration of the insulin")
        return
    others = dict.fromkeys(_other_strengths(facts, product.units_per_ml))
    for whose, strength in others:
        both = f"{product.units_per_ml:g} units/mL ordered, {strength:g} units/mL {whose}"
        detail = "The same units are another volume; a syringe or pen for the other gives another dose."
        yield Finding("concentration_mismatch", f"concentration differs, {both}", detail)
    if not others and product.units_per_ml != UNITS_PER_ML:
        headline = f"concentrated insulin, {product.units_per_ml:g} units/mL: not for a usual syringe"
        yield Finding("concentrated", headline)


def _other_strengths(facts: OrderFacts, strength: float) -> Iterator[tuple[str, float]]:
    """Each concentration that speaks against the one of the order, and where it stands."""
    order = facts.order
    before = {o.product.units_per_ml for o in facts.replaced} - {None, strength}
    yield from (("in use", known) for known in sorted(s for s in before if s is not None))
    printed = (float(a or b) for a, b in STRENGTH_IN_TEXT.findall(order.instruction_text))
    yield from (("in its instruction", known) for known in printed if known != strength)
    sold = BRAND_STRENGTHS.get(order.product.brand or "", (strength,))
    if strength not in sold:
        yield f"is what {(order.product.brand or '').title()} has", sold[0]


def duplicates(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """The same insulin ordered twice: under another brand, in two active orders, or twice in this signing."""
    order = facts.order
    beside = [o for o in facts.current if same_insulin(o, order) and may_coincide(o, order)]
    unclear = list(facts.replaced) if len(facts.replaced) > 1 and not is_split(facts.replaced) else []
    stated = [facts.signing.replaces, order.reference]
    unstated = [o for o in facts.replaced if o.reference not in stated]
    branded = [o for o in unstated if other_brand(o, order)]
    doubled = list(dict.fromkeys([*beside, *unclear, *branded]))
    half_known = [o for o in unstated if (o.product.brand is None) != (order.product.brand is None)]
    name = order.product.brand.title() if order.product.brand else "this order"
    if doubled:
        others = [o for o in doubled if o.reference != order.reference] or doubled
        detail = "Brands and biosimilars of one ingredient are the same insulin: one of the orders must go."
        headline = f"{name} is the same insulin as {_listed(others)}"
        yield Finding("duplicate_insulin", headline, detail, tuple(map(_evidence, others[:SHOWN])))
    elif half_known:
        headline = f"{_listed(half_known)} is the same insulin under another name"
        detail = "Unless the older order is stopped the patient may take both."
        yield Finding("duplicate_possible", headline, detail, tuple(map(_evidence, half_known)))


def other_basal(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Another basal insulin that stays in force, or a pump that gives it."""
    if not facts.is_basal:
        return
    order = facts.order
    basal = [
        o
        for o in facts.current
        if (o.product.kind in BASAL_KINDS or o.product.kind is None) and not same_insulin(o, order)
    ]
    if basal:
        long = order.product.kind in LONG_KINDS and any(o.product.kind in LONG_KINDS for o in basal)
        headline = f"beside another basal insulin, {_listed(basal)}"
        rule = "duplicate_long" if long else "duplicate_basal"
        yield Finding(
            rule,
            headline,
            "Two basal insulins add up; one of unknown kind is taken for basal.",
            tuple(map(_evidence, basal)),
        )
    if _by_pump(facts):
        headline = f"a pump gave basal insulin within {PUMP_DAYS} days: an injection adds to it"
        yield Finding("pump_basal", headline)


def other_mealtime(facts: OrderFacts) -> Iterator[Finding | Reason]:
    """Another mealtime insulin for regular doses beside this one."""
    order = facts.order
    others = [
        o
        for o in facts.current
        if o.product.kind in MEALTIME_KINDS
        and not (o.as_needed or order.as_needed or same_insulin(o, order))
        and may_coincide(o, order)
    ]
    if facts.is_mealtime and others:
        headline = f"beside another mealtime insulin, {_listed(others)}"
        yield Finding(
            "duplicate_mealtime", headline, "Two mealtime insulins add up.", tuple(map(_evidence, others))
        )


def _by_pump(facts: OrderFacts) -> bool:
    """Whether a basal rate, or basal insulin over a stretch of time, is on record lately."""
    found = [facts.record.series.get(s) for s in (signals.INSULIN_BASAL_RATE, signals.INSULIN_BASAL)]
    start_ms = facts.as_of_ms - PUMP_DAYS * DAY_MS
    recent = [s.between(start_ms, facts.as_of_ms) for s in found if s is not None]
    return any(
        bool((s.until_ms > s.at_ms).any()) or (s.signal == signals.INSULIN_BASAL_RATE and len(s) > 0)
        for s in recent
    )


def _listed(orders: list[InsulinOrder]) -> str:
    """The first of some orders by name and dose, and how many more: `Lantus 20 units a day and 1 more`."""
    first, more = orders[0], len(orders) - 1
    said = f"{_name(first)} {dose_text(first.daily_dose_u, first.dose_u)}"
    return said + (f" and {more} more" if more else "")


def _name(order: InsulinOrder) -> str:
    if order.product.brand:
        return order.product.brand.title()
    return f"insulin {order.product.ingredient or 'of unknown kind'}"


def _evidence(order: InsulinOrder) -> Input:
    dose = dose_text(order.daily_dose_u, order.dose_u)
    return Input(order.product.name, dose, "", order.authored_ms, order.reference)


PRODUCT_RULES: Final = (two_products, concentration, duplicates, other_basal, other_mealtime)
