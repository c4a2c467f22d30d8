"""Insulin therapy as ordered: MedicationRequests, and drafts of them, to InsulinOrder.

Sits beside insulin_doses, which maps what was given: an order is not an intake, and the two never mix.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from fhir_mappers.dosage import WhyNoDose, plain_numbers, read_dosing
from fhir_mappers.insulin_doses import to_insulin_doses
from fhir_mappers.insulin_products import product_of
from fhir_mappers.references import (
    Json,
    code_words,
    medication_concept,
    member,
    names,
    objects,
    reference_to,
    text,
)
from fhir_mappers.timing import Moment, Precision, parse_time
from models.patient_record import InsulinOrder

__all__ = [
    "order_drop_reason",
    "order_span",
    "period_span",
    "to_insulin_doses",
    "to_insulin_order",
    "to_insulin_orders",
    "to_past_insulin_orders",
]

ORDER_INTENTS: Final = frozenset(
    {"order", "original-order", "reflex-order", "filler-order", "instance-order"}
)
"""FHIR medicationrequest-intent: these authorise; proposal, plan and option do not."""

ENDED: Final = frozenset({"completed", "stopped"})

MS_PER_HOUR: Final = 3_600_000
LAST_ZONE_MS: Final = 12 * MS_PER_HOUR
"""UTC-12:00, where a calendar day ends last."""

BOUND_HOURS: Final[Mapping[str, float]] = {"h": 1, "d": 24, "wk": 168, "mo": 730.5, "a": 8766}
"""UCUM: a month is the twelfth of a mean Julian year of 365.25 days."""

MAX_BOUND: Final = 10_000


def to_insulin_orders(
    requests: Sequence[Json], medications: Mapping[str, Json], as_of_ms: int
) -> tuple[InsulinOrder, ...]:
    """The insulin therapy ordered for now: active orders, not expired, copies of one order taken once.

    Newest first. What is left out has its reason in `order_drop_reason`.
    """
    current = [r for r in requests if order_drop_reason(r, medications, as_of_ms) is None]
    orders = [(r, order) for r in current if (order := to_insulin_order(r, medications))]
    orders.sort(key=lambda pair: (-(pair[1].authored_ms or 0), pair[1].reference))
    keys = [_copy_key(request, order) for request, order in orders]
    brands = _brands_by_key(keys, orders)
    distinct: dict[object, InsulinOrder] = {}
    for key, (_, order) in zip(keys, orders, strict=True):
        brand = order.product.brand if len(brands[key]) > 1 else None
        distinct.setdefault((key, brand), order)
    return tuple(distinct.values())


def _brands_by_key(
    keys: Sequence[object], orders: Sequence[tuple[Json, InsulinOrder]]
) -> Mapping[object, set[str]]:
    """The brands among orders that are alike otherwise: two brands are two pens, a brand and none are one."""
    brands: dict[object, set[str]] = {key: set() for key in keys}
    for key, (_, order) in zip(keys, orders, strict=True):
        brands[key] |= {order.product.brand} if order.product.brand else set()
    return brands


def to_past_insulin_orders(
    requests: Sequence[Json], medications: Mapping[str, Json]
) -> tuple[InsulinOrder, ...]:
    """Insulin orders that were completed or stopped, by reference: what the dose was before."""
    ended = [r for r in requests if text(r, "status") in ENDED and text(r, "intent") in ORDER_INTENTS]
    orders = [order for r in ended if (order := to_insulin_order(r, medications))]
    return tuple(sorted(orders, key=lambda order: order.reference))


def order_drop_reason(request: Json, medications: Mapping[str, Json], as_of_ms: int) -> str | None:
    """Why a MedicationRequest is no part of today's therapy, or None when it is.

    `medication_unknown`: it names a Medication that is not here, or only codes nobody can read; it may be
    insulin, so an answer on insulin is incomplete.
    """
    status, intent = text(request, "status"), text(request, "intent")
    if request.get("doNotPerform") is True:
        return "do_not_perform"
    if status != "active":
        return f"status:{status or 'missing'}"
    if intent not in ORDER_INTENTS:
        return f"intent:{intent or 'missing'}"
    concept = medication_concept(request, medications)
    if product_of(concept) is None and not names(concept):
        return "medication_unknown"
    _, end_ms = order_span(request)
    return "order_expired" if end_ms is not None and end_ms < as_of_ms else None


def to_insulin_order(request: Json, medications: Mapping[str, Json]) -> InsulinOrder | None:
    """One MedicationRequest, a draft too, as an insulin order; None when it is not one, or forbids it."""
    request = plain_numbers(dict(request))
    product = product_of(medication_concept(request, medications))
    if product is None or request.get("doNotPerform") is True:
        return None
    dosing = read_dosing(objects(request.get("dosageInstruction")), product)
    if request.get("modifierExtension"):
        dosing = replace(dosing, daily_dose_u=None, why=WhyNoDose.MEANING_MODIFIED)
    start_ms, end_ms = order_span(request)
    return InsulinOrder(
        reference=reference_to(request),
        product=product,
        status=text(request, "status"),
        intent=text(request, "intent"),
        authored_ms=_at(request.get("authoredOn")),
        start_ms=start_ms,
        end_ms=end_ms,
        dose_u=dosing.dose_u,
        doses_per_day=dosing.doses_per_day,
        daily_dose_u=dosing.daily_dose_u,
        as_needed=dosing.as_needed,
        instruction_text=dosing.text or text(request, "renderedDosageInstruction"),
        why_no_dose=dosing.why,
        when=dosing.when,
        dose_range_u=dosing.range_u,
    )


def _copy_key(request: Json, order: InsulinOrder) -> object:
    """Equal for a refill, or the brand and generic copy of one order; orders without a dose stay apart."""
    if order.daily_dose_u is None or order.product.ingredient is None:
        return order.reference, id(request)
    routes = [code_words(i.get("route")) for i in objects(request.get("dosageInstruction"))]
    product = order.product
    drug = (product.ingredient, product.kind, product.units_per_ml, *routes)
    return drug, order.dose_u, order.daily_dose_u, order.when, order.instruction_text


def order_span(request: Json) -> tuple[int | None, int | None]:
    """When the ordered dosing starts and ends; it ends only where every instruction does."""
    whole = member(request, "effectiveDosePeriod")
    instructions = objects(request.get("dosageInstruction"))
    spans = [period_span(whole)] if whole else [_instruction_span(i, request) for i in instructions]
    starts = [start for start, _ in spans if start is not None]
    ends = [end for _, end in spans if end is not None]
    return min(starts, default=None), max(ends) if ends and len(ends) == len(spans) else None


def _instruction_span(instruction: Json, request: Json) -> tuple[int | None, int | None]:
    """The bounds of one instruction; a duration counts from the day of the order."""
    repeat = member(member(instruction, "timing"), "repeat")
    duration, authored_ms = member(repeat, "boundsDuration"), _at(request.get("authoredOn"))
    hours = BOUND_HOURS.get(text(duration, "code") or text(duration, "unit"))
    count = duration.get("value")
    if hours and authored_ms is not None and isinstance(count, int | float) and 0 < count < MAX_BOUND:
        return authored_ms, authored_ms + round(count * hours * MS_PER_HOUR)
    return period_span(member(repeat, "boundsPeriod"))


def period_span(period: Json) -> tuple[int | None, int | None]:
    """Start and end of a Period. A date ends when its day is over everywhere: a running order stays."""
    end = parse_time(period.get("end"))
    if not isinstance(end, Moment):
        return _at(period.get("start")), None
    return _at(period.get("start")), end.end_ms + (0 if end.precision is Precision.INSTANT else LAST_ZONE_MS)


def _at(written: object) -> int | None:
    moment = parse_time(written)
    return moment.at_ms if isinstance(moment, Moment) else None
