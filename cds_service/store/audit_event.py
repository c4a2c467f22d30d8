"""Lines of the audit log as FHIR R4 AuditEvents, for hospitals that collect them.

Pure; beside `audit`, which writes the lines.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from models.assessment import Outcome

_EVENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_OBJECT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_PATIENT_PSEUDONYM: Final = "urn:wearable-cds:patient-pseudonym"
_SUCCESS: Final = "0"
_MINOR_FAILURE: Final = "4"
_SERIOUS_FAILURE: Final = "8"
_OUTCOMES: Final = {
    "answered": _SUCCESS,
    Outcome.ASSESSED_POSITIVE: _SUCCESS,
    Outcome.ASSESSED_NEGATIVE: _SUCCESS,
    Outcome.PARTIAL: _SUCCESS,
    Outcome.NOT_ASSESSED: _MINOR_FAILURE,
    Outcome.REFUSED: _MINOR_FAILURE,
}
"""How the action went, not how the patient is: to know nothing about the patient is a minor failure."""


def to_audit_event(line: Mapping[str, Any], observer: str) -> dict[str, Any]:
    """The AuditEvent of one line. `observer`: the public address of this service."""
    recorded = datetime.fromtimestamp(line["at_ms"] / 1000, UTC)
    return {
        "resourceType": "AuditEvent",
        "id": f"{line['tenant']}-{line['sequence']}",
        "type": {"system": _EVENT_TYPE, "code": "rest", "display": "RESTful Operation"},
        "subtype": [{"system": "urn:wearable-cds:action", "code": line["action"]}],
        "action": "E",
        "recorded": recorded.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "outcome": _outcome(line),
        "agent": _agents(line),
        "source": {"observer": {"display": observer}},
        "entity": _entities(line),
    }


def _outcome(line: Mapping[str, Any]) -> str:
    """A refused call carries its HTTP status; what is not known counts as serious."""
    if line["outcome"] in _OUTCOMES:
        return _OUTCOMES[line["outcome"]]
    return _MINOR_FAILURE if line["details"].get("status", 500) < 500 else _SERIOUS_FAILURE


def _agents(line: Mapping[str, Any]) -> list[dict[str, Any]]:
    system = {"who": {"display": line["issuer"]}, "requestor": line["user"] is None}
    if line["user"] is None:
        return [system]
    return [{"who": {"reference": line["user"]}, "requestor": True}, system]


def _entities(line: Mapping[str, Any]) -> list[dict[str, Any]]:
    told = {name: line[name] for name in ("service", "hook", "hook_instance") if line[name]}
    details = [{"type": name, "valueString": str(value)} for name, value in (told | line["details"]).items()]
    call = {"type": {"system": _OBJECT_TYPE, "code": "2", "display": "System Object"}, "detail": details}
    entities = [call] if details else []
    if line["patient"]:
        identifier = {"system": _PATIENT_PSEUDONYM, "value": line["patient"]}
        person = {"system": _OBJECT_TYPE, "code": "1", "display": "Person"}
        entities.append({"type": person, "what": {"identifier": identifier}})
    return entities
