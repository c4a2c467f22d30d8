"""The service `insulin-order-check`: a second look at the insulin orders about to be signed.

One of the services in `hooks.registry`; asks the check for each order and writes a card where it found
something or could not look everywhere. Silent only where everything was checked and nothing found.
"""

from collections.abc import Mapping
from typing import Any, Final

from fhir_mappers.references import index_medications, medication_concept, member, names, text
from fhir_mappers.therapy import to_insulin_order
from hooks import needs
from hooks.card import MAX_CARDS, URGENCY, Card
from hooks.order_card import Check, finding_card, not_assessed_card, unable_card
from hooks.service import Decision, Question, Service
from models.assessment import NotAssessed, Outcome, Reason, ReasonCode
from models.dosing.order_check import MODEL, VERSION, check_order
from models.dosing.order_facts import Signing
from models.dosing.safety_limits import UnusableLimits, packaged_limits
from models.patient_record import InsulinOrder

UNIDENTIFIED: Final = "A drafted medication cannot be identified; it may be insulin."
NO_LIMITS: Final = "The signed limits of doses are missing or not usable."

Draft = Mapping[str, Any]


def decide(question: Question) -> Decision:
    """At most one card for each insulin order, and one for what was not assessed; most severe first."""
    drafts = [d for d in question.context.draft_orders if d.get("resourceType") == "MedicationRequest"]
    sent = index_medications(
        ("", dict(d)) for d in question.context.draft_orders if d.get("resourceType") == "Medication"
    )
    read = [(draft, to_insulin_order(dict(draft), sent)) for draft in drafts]
    unidentified = any(order is None and not names(medication_concept(dict(d), sent)) for d, order in read)
    orders = [(draft, order) for draft, order in read if order is not None]
    try:
        limits = question.practice.dose_limits or packaged_limits()
    except UnusableLimits:
        return _unable(question, NO_LIMITS)
    if unidentified and not orders:
        return _unable(question, UNIDENTIFIED)
    checks = [
        check_order(question.record, _signing(draft, orders), question.as_of_ms, limits.basal)
        for draft, _ in orders
    ]
    return _decision(question, checks, unidentified)


def _decision(question: Question, checks: list[Check], unidentified: bool) -> Decision:
    """The cards of all orders; silent only where each one was fully checked and nothing was found."""
    found = [check for check in checks if check.result.findings]
    partial = [check for check in checks if check.outcome is Outcome.PARTIAL]
    cards = [finding_card(question, check) for check in found]
    cards += [unable_card(question, UNIDENTIFIED)] if unidentified else []
    cards += [not_assessed_card(question, partial)] if partial else []
    if not cards:
        return Decision(Outcome.ASSESSED_NEGATIVE, (), tuple(checks))
    outcome = Outcome.ASSESSED_POSITIVE if found else Outcome.PARTIAL
    return Decision(outcome, _most_urgent(question, cards), tuple(checks))


def _most_urgent(question: Question, cards: list[Card]) -> tuple[Card, ...]:
    """The cards, most severe first; where they are too many the last one says how many are not shown."""
    ordered = sorted(cards, key=lambda card: URGENCY[card.indicator])
    if len(ordered) <= MAX_CARDS:
        return tuple(ordered)
    hidden = len(ordered) - MAX_CARDS + 1
    why = f"{hidden} more cards on these orders are not shown: sign fewer orders at once."
    return (*ordered[: MAX_CARDS - 1], unable_card(question, why))


def _signing(draft: Draft, orders: list[tuple[Draft, InsulinOrder]]) -> Signing:
    """One order with the others of the same signing, and what its FHIR says that it replaces."""
    own = next(order for other, order in orders if other is draft)
    others = tuple(order for other, order in orders if other is not draft)
    return Signing(own, others, text(member(draft, "priorPrescription"), "reference") or None)


def _unable(question: Question, why: str) -> Decision:
    reason = Reason(ReasonCode.INCOMPLETE, "order", why)
    refusal = NotAssessed(MODEL, VERSION, question.as_of_ms, (reason,))
    return Decision(Outcome.NOT_ASSESSED, (unable_card(question, why),), (refusal,))


SERVICE: Final = Service(
    id=MODEL,
    hook="order-sign",
    title="Insulin order check",
    description=(
        "Checks insulin orders about to be signed against the record: size and change of the dose, weight, "
        "kidney function, age, lows and highs, insulin still acting, the same insulin ordered twice, "
        "concentration, steroids and contradictions within the order."
    ),
    usage_requirements=(
        "Needs glucose, weight, eGFR, problem list, medication orders and insulin given, by prefetch or FHIR "
        "access; for one mealtime dose also carbohydrates and the settings of the bolus. What is missing is "
        "named on the card. Silent where everything was checked and nothing found."
    ),
    needs=(
        needs.PATIENT,
        needs.CGM,
        needs.FINGERSTICKS,
        needs.CONDITIONS,
        needs.MEDICATIONS,
        needs.PAST_MEDICATIONS,
        needs.INSULIN_GIVEN,
        needs.WEIGHT,
        needs.RENAL,
        needs.BOLUS,
    ),
    decide=decide,
    dosing=True,
)
