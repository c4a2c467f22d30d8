"""Remembers an answer before it leaves: its cards for feedback, the decision for replay, a line of audit.

Between `routes.cds_hooks` and `store`; nothing here holds a token or a patient's id in clear.
"""

from dataclasses import dataclass

import structlog

from cds_service.pipeline import Answered, Moment
from cds_service.store import Store
from cds_service.store.audit import Event
from cds_service.store.decisions import DecisionRecord
from cds_service.store.feedback import GivenCard
from cds_service.tenants import Tenant
from hooks.protocol import HookRequest
from hooks.service import Service

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Given:
    """One answered call: who asked which service what and when, and what was decided."""

    tenant: Tenant
    service: Service
    asked: HookRequest
    moment: Moment
    answered: Answered


def keep(store: Store, given: Given, body: bytes) -> None:
    """Commit what must outlive the answer. Raises Unavailable (503): what cannot be recorded is not sent."""
    cards = [
        GivenCard(card.uuid, given.service.id, given.asked.hook_instance, given.moment.as_of_ms)
        for card in given.answered.decision.cards
    ]
    store.decisions.record(given.tenant.id, _decision(given, body), cards, _event(given, len(cards)))
    outcome = str(given.answered.decision.outcome)
    log.info("hook.answered", service=given.service.id, outcome=outcome, cards=len(cards))


def _decision(given: Given, body: bytes) -> DecisionRecord:
    decision = given.answered.decision
    return DecisionRecord(
        id=str(given.moment.response_id),
        service=given.service.id,
        hook_instance=given.asked.hook_instance,
        as_of_ms=given.moment.as_of_ms,
        outcome=str(decision.outcome),
        input_sha256=given.answered.input_sha256,
        versions={assessment.model: assessment.version for assessment in decision.assessments},
        output=body,
    )


def _event(given: Given, cards: int) -> Event:
    answered = given.answered
    return Event(
        at_ms=given.moment.as_of_ms,
        action="hook.answered",
        outcome=str(answered.decision.outcome),
        issuer=given.tenant.issuer,
        user=given.asked.context.user_id,
        patient_id=given.asked.context.patient_id,
        service=given.service.id,
        hook=given.asked.hook,
        hook_instance=given.asked.hook_instance,
        details={
            "cards": cards,
            "fetched": list(answered.fetched),
            "completeness": {key: str(state) for key, state in answered.completeness.items()},
        },
    )
