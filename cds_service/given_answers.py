"""Remembers an answer before it leaves: its cards for feedback, the decision for replay, a line of audit.

Between `routes.cds_hooks` and `store`; nothing here holds a token or a patient's id in clear.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import structlog

from cds_service.metrics import OUTCOMES
from cds_service.pipeline import Answered, Moment, Place
from cds_service.recorded_input import Circumstances, Input
from cds_service.store import Store
from cds_service.store.audit import Event
from cds_service.store.decisions import DecisionRecord
from cds_service.store.feedback import GivenCard
from cds_service.tenants import Tenant
from hooks.errors import CannotAnswer
from hooks.protocol import HookRequest
from hooks.service import Service

log = structlog.get_logger()

SOFTWARE: Final = version("wearable-cds")


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was understood: who asked which service what, and when."""

    tenant: Tenant
    service: Service
    asked: HookRequest
    moment: Moment
    signed_s: int


def keep(store: Store, call: Call, place: Place, answered: Answered, body: bytes) -> None:
    """Commit what must outlive the answer. Raises Unavailable (503): what cannot be recorded is not sent."""
    cards = [
        GivenCard(
            card.uuid,
            call.service.id,
            call.asked.hook_instance,
            call.moment.as_of_ms,
            answered.findings.get(card.uuid),
        )
        for card in answered.decision.cards
    ]
    outcome = str(answered.decision.outcome)
    details = {
        "cards": len(cards),
        "fetched": list(answered.gathered.fetched),
        "folded": len(answered.shown_ms),
        "completeness": {key: str(state) for key, state in answered.completeness.items()},
    }
    event = _event(call, "hook.answered", outcome, details)
    store.decisions.record(call.tenant.id, _decision(call, place, answered, body), cards, event)
    OUTCOMES.labels(call.service.id, outcome).inc()
    log.info("hook.answered", service=call.service.id, outcome=outcome, cards=len(cards))


def keep_refusal(store: Store, call: Call, fault: CannotAnswer) -> None:
    """Commit a line of audit for a call that was understood and refused. Raises Unavailable (503)."""
    store.audit.append(call.tenant.id, _event(call, "hook.refused", fault.reason, {"status": fault.status}))


def _decision(call: Call, place: Place, answered: Answered, body: bytes) -> DecisionRecord:
    decision, gathered = answered.decision, answered.gathered
    made_by = {assessment.model: assessment.version for assessment in decision.assessments}
    circumstances = Circumstances(place.practice, place.site, gathered.completeness, answered.shown_ms)
    whole = Input(call.asked.context, gathered.pages).pack() if call.tenant.keep_inputs else None
    return DecisionRecord(
        id=str(call.moment.response_id),
        service=call.service.id,
        hook_instance=call.asked.hook_instance,
        as_of_ms=call.moment.as_of_ms,
        outcome=str(decision.outcome),
        input_sha256=answered.input_sha256,
        versions={"wearable-cds": SOFTWARE, **made_by, **decision.basis},
        output=body,
        circumstances=circumstances.to_json(),
        input=whole,
    )


def _event(call: Call, action: str, outcome: str, details: Mapping[str, Any]) -> Event:
    return Event(
        at_ms=call.moment.as_of_ms,
        action=action,
        outcome=outcome,
        issuer=call.tenant.issuer,
        user=call.asked.context.user_id,
        patient_id=call.asked.context.patient_id,
        service=call.service.id,
        hook=call.asked.hook,
        hook_instance=call.asked.hook_instance,
        details=details,
    )
