"""The three addresses of CDS Hooks: discovery, a service's call, and its feedback.

Outermost of the project: who calls (`client_auth`), what is asked (`hooks.protocol`), then `pipeline`.
"""

import hashlib
import uuid
from typing import Any

from flask import Blueprint, Response, g, request
from marshmallow import ValidationError

from cds_service import pipeline, shell
from cds_service.client_auth import Caller
from cds_service.clock_skew import refuse_apart
from cds_service.deadline import Deadline
from cds_service.given_answers import Call, keep, keep_refusal
from cds_service.http import json_response, read_json_body
from cds_service.places import place_of
from cds_service.repeats import fold_repeated
from cds_service.schemas import FeedbackSchema
from cds_service.store.feedback import FeedbackItem
from cds_service.tenants import Tenant
from hooks.errors import BadRequest, CannotAnswer, UnknownService
from hooks.hook_definitions import HOOKS
from hooks.prefetch import Dialect, template
from hooks.protocol import parse
from hooks.service import Service
from hooks.strict_json import NotStrictJson, decode

blueprint = Blueprint("cds_hooks", __name__)

CDS_HOOKS_VERSION = "2.0.1"
DISCOVERY_MAX_AGE_S = 300


@blueprint.get("/cds-services", strict_slashes=False)
def discover() -> Response:
    """The services on offer; with a token, those of its tenant in the prefetch dialect it registered."""
    known = shell.current()
    caller = _caller(["/cds-services"]) if request.headers.get("Authorization") else None
    offered = [s for s in known.services.values() if caller is None or _offers(caller.tenant, s)]
    dialect: Dialect = caller.tenant.prefetch_dialect if caller else "core"
    response = json_response({"services": [_entry(service, dialect) for service in offered]})
    scope = "private" if caller else "public"
    response.headers["Cache-Control"] = f"{scope}, max-age={DISCOVERY_MAX_AGE_S}"
    response.headers["Vary"] = "Authorization"
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    response.make_conditional(request)
    return response


@blueprint.post("/cds-services/<service_id>", strict_slashes=False)
def call(service_id: str) -> Response:
    """One hook call: verified, read, answered, remembered, and only then sent."""
    known = shell.current()
    as_of_ms = known.clock_ms()
    caller = _caller([f"/cds-services/{service_id}"])
    service = _service(service_id, caller.tenant)
    seconds = caller.tenant.limits.deadline_s or known.settings.deadline_s
    turns, deadline = known.computing, Deadline.after(seconds)
    moment = pipeline.Moment(as_of_ms, deadline, uuid.UUID(g.request_id), turns.give_way)
    body = read_json_body(request, known.settings.hook_body_limit_bytes)
    with turns.turn(moment.last_thought):
        asked = parse(body)
    if asked.hook != service.hook:
        raise BadRequest("This service answers another hook.", expression=["hook"])
    return _answer(known, Call(caller.tenant, service, asked, moment, caller.signed_s))


def _answer(known: shell.Shell, call: Call) -> Response:
    """Answered or refused, it stands in the audit log before anybody hears of it (SE1)."""
    try:
        place = place_of(known, call.tenant, call.service, call.asked, call.moment.as_of_ms)
        with known.bulkheads.place(call.tenant):
            turn = known.computing.turn(call.moment.last_thought)
            answered = pipeline.decide(call.service, call.asked, call.moment, place, turn)
            answered = fold_repeated(known.store.shown, call, answered)
        if call.service.dosing:
            refuse_apart(call.tenant, known.egress, call.signed_s, call.moment.as_of_ms)
    except CannotAnswer as fault:
        keep_refusal(known.store, call, fault)
        raise
    response = json_response({"cards": [card.to_json() for card in answered.decision.cards]})
    keep(known.store, call, place, answered, response.get_data())
    return response


@blueprint.post("/cds-services/<service_id>/feedback", strict_slashes=False)
def feedback(service_id: str) -> Response:
    """What users did with our cards: committed before it is acknowledged (FB1 to FB12)."""
    known = shell.current()
    path = f"/cds-services/{service_id}"
    caller = _caller([f"{path}/feedback", path])
    service = _service(service_id, caller.tenant)
    body = read_json_body(request, known.settings.feedback_body_limit_bytes)
    counts = known.store.feedback.record(caller.tenant.id, service.id, _items(body), known.clock_ms())
    return json_response({"stored": counts.stored, "repeated": counts.repeated})


def _caller(paths: list[str]) -> Caller:
    known = shell.current()
    base = known.settings.public_base_url.text
    audiences = [base + path for path in paths]
    headers = request.headers.getlist("Authorization")
    caller = known.verifier.verify(headers, audiences, known.clock_ms())
    g.tenant = caller.tenant.id
    known.rates.take(caller.tenant.id, caller.tenant.limits.requests_per_minute)
    return caller


def _service(service_id: str, tenant: Tenant) -> Service:
    service = shell.current().services.get(service_id)
    if service is None or not _offers(tenant, service):
        raise UnknownService()
    return service


def _offers(tenant: Tenant, service: Service) -> bool:
    return tenant.offers(service.id, dosing=service.dosing)


def _entry(service: Service, dialect: Dialect) -> dict[str, Any]:
    return {
        "hook": service.hook,
        "id": service.id,
        "title": service.title,
        "description": service.description,
        "usageRequirements": service.usage_requirements,
        "prefetch": {need.key: template(need, dialect) for need in service.needs},
        "version": CDS_HOOKS_VERSION,
        "hookVersion": HOOKS[service.hook].version + ".0",
    }


def _items(body: bytes) -> list[FeedbackItem]:
    try:
        loaded = FeedbackSchema().load(decode(body))
    except NotStrictJson as fault:
        raise BadRequest(str(fault)) from None
    except ValidationError as fault:
        raise BadRequest("The feedback is malformed.", expression=_paths(fault.messages)) from None
    return [_item(members) for members in loaded["feedback"]]


def _item(members: dict[str, Any]) -> FeedbackItem:
    override = members.get("overrideReason", {})
    reason = override.get("reason", {})
    return FeedbackItem(
        card=members["card"].lower(),
        outcome=members["outcome"],
        outcome_ms=int(members["outcomeTimestamp"].timestamp() * 1000),
        accepted_suggestions=tuple(s["id"] for s in members.get("acceptedSuggestions", ())),
        reason_code=reason.get("code"),
        reason_system=reason.get("system"),
        reason_display=reason.get("display"),
        user_comment=override.get("userComment"),
    )


def _paths(messages: Any, at: str = "") -> list[str]:
    """Where in the body a schema found fault, without the values."""
    if not isinstance(messages, dict):
        return [at]
    return [
        path for key, inner in messages.items() for path in _paths(inner, f"{at}.{key}" if at else str(key))
    ]
