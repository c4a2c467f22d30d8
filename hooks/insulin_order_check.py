"""The service `insulin-order-check`: a second look at the insulin orders about to be signed.

One of the services in `hooks.registry`; asks the check for each order and writes a card where it found
something or could not look everywhere. Silent only where everything was checked and nothing found.
"""

from collections.abc import Mapping
from typing import Any, Final

from fhir_mappers.references import index_medications, medication_concept, member, names, text
from fhir_mappers.therapy import to_insulin_order
from hooks import needs, wording
from hooks.card import MAX_CARDS, URGENCY, Card, Coding, Indicator, Source
from hooks.input_table import input_table
from hooks.service import Decision, Question, Service
from models.assessment import Assessment, NotAssessed, Outcome, Reason, ReasonCode
from models.dosing.order_check import MODEL, VERSION, check_order
from models.dosing.order_facts import Signing
from models.dosing.order_finding import OrderCheck
from models.dosing.safety_limits import UnusableLimits, packaged_limits
from models.patient_record import InsulinOrder

OVERRIDE_REASONS: Final = (
    wording.override("known-and-considered", "Known and considered in the order"),
    wording.override("old-order-is-stopped", "The other order is being stopped"),
    wording.override("dose-verified", "The dose was verified with the patient or the pharmacy"),
    wording.override("data-elsewhere", "The missing data are known to me from elsewhere"),
    wording.override("benefit-outweighs", "The benefit outweighs the risk"),
)

Draft = Mapping[str, Any]


def decide(question: Question) -> Decision:
    """At most one card for each insulin order; most severe first."""
    drafts = [d for d in question.context.draft_orders if d.get("resourceType") == "MedicationRequest"]
    sent = index_medications(
        ("", dict(d)) for d in question.context.draft_orders if d.get("resourceType") == "Medication"
    )
    read = [(draft, to_insulin_order(dict(draft), sent)) for draft in drafts]
    if any(order is None and not names(medication_concept(dict(d), sent)) for d, order in read):
        return _unable(question, "A drafted medication cannot be identified; it may be insulin.")
    orders = [(draft, order) for draft, order in read if order is not None]
    try:
        limits = question.practice.dose_limits or packaged_limits()
    except UnusableLimits:
        return _unable(question, "The signed limits of doses are missing or not usable.")
    checks = [
        check_order(question.record, _signing(draft, orders), question.as_of_ms, limits.basal)
        for draft, _ in orders
    ]
    return _decision(question, checks)


def _decision(question: Question, checks: list[Assessment[OrderCheck]]) -> Decision:
    spoken = [check for check in checks if check.outcome is not Outcome.ASSESSED_NEGATIVE]
    cards = sorted((_card(question, c) for c in spoken), key=lambda card: URGENCY[card.indicator])
    outcomes = [check.outcome for check in spoken]
    if not outcomes:
        return Decision(Outcome.ASSESSED_NEGATIVE, (), tuple(checks))
    found = Outcome.ASSESSED_POSITIVE in outcomes
    return Decision(
        Outcome.ASSESSED_POSITIVE if found else Outcome.PARTIAL, tuple(cards[:MAX_CARDS]), tuple(checks)
    )


def _signing(draft: Draft, orders: list[tuple[Draft, InsulinOrder]]) -> Signing:
    """One order with the others of the same signing, and what its FHIR says that it replaces."""
    own = next(order for other, order in orders if other is draft)
    others = tuple(order for other, order in orders if other is not draft)
    return Signing(own, others, text(member(draft, "priorPrescription"), "reference") or None)


def _card(question: Question, check: Assessment[OrderCheck]) -> Card:
    found = check.result
    return Card(
        uuid=question.uuid(f"order-check-{found.order.reference}"),
        summary=wording.summary(_summary(found)),
        indicator=Indicator(found.findings[0].severity) if found.findings else Indicator.WARNING,
        source=_source(question),
        detail=wording.sections(
            "**Found**" if found.findings else "",
            wording.bullets([f"{finding.severity}: {finding.text}" for finding in found.findings]),
            "**Could not be checked**" if found.not_checked else "",
            wording.bullets([reason.text for reason in found.not_checked]),
            "**Values used**" if check.inputs else "",
            input_table(question, check.inputs),
            "The check verifies an order and proposes no dose. Verify before signing. "
            f"{wording.moment(question.as_of_ms, question.zone)}; model {MODEL} {VERSION}.",
        ),
        override_reasons=OVERRIDE_REASONS,
    )


def _summary(found: OrderCheck) -> str:
    """The first finding, or the first thing that could not be checked, and how many more."""
    name = f"Insulin {found.order.product.ingredient or 'order'}"
    if not found.findings:
        first, more = f"not fully checked: {found.not_checked[0].text}", len(found.not_checked) - 1
    else:
        first, more = found.findings[0].text, len(found.findings) - 1
    return f"{name}: {first.rstrip('.')}" + (f" (and {more} more)" if more else "")


def _source(question: Question) -> Source:
    url = question.practice.models_url
    topic = Coding(wording.TOPIC_SYSTEM, MODEL, "Insulin order check")
    return Source(f"Wearable CDS {MODEL} {VERSION}", topic, f"{url}/{MODEL}" if url else None)


def _unable(question: Question, why: str) -> Decision:
    reason = Reason(ReasonCode.INCOMPLETE, "order", why)
    card = Card(
        uuid=question.uuid("order-check"),
        summary=wording.summary(f"Insulin order not checked: {why}"),
        indicator=Indicator.WARNING,
        source=_source(question),
        detail=f"{why} Nothing was checked; the orders are not judged by this.",
        override_reasons=OVERRIDE_REASONS,
    )
    return Decision(
        Outcome.NOT_ASSESSED, (card,), (NotAssessed(MODEL, VERSION, question.as_of_ms, (reason,)),)
    )


SERVICE: Final = Service(
    id=MODEL,
    hook="order-sign",
    title="Insulin order check",
    description=(
        "Checks insulin orders about to be signed against the record: size and change of the dose, weight, "
        "kidney function, age, lows, insulin still acting, duplicate basal insulin, concentration and "
        "contradictions within the order."
    ),
    usage_requirements=(
        "Needs glucose, weight, eGFR, problem list, medication orders and insulin given, by prefetch or FHIR "
        "access. What is missing is named on the card. Silent where everything was checked and nothing found."
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
    ),
    decide=decide,
    dosing=True,
)
