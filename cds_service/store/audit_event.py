"""Lines of the audit log as FHIR R4 AuditEvents, for hospitals that collect them.

Pure; beside `audit`, which writes the lines.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

_EVENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_OBJECT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_PATIENT_PSEUDONYM: Final = "urn:wearable-cds:patient-pseudonym"
_OUTCOMES: Final = {"answered": "0", "refused": "4", "failed": "8"}
"""FHIR: 0 success, 4 minor failure, 8 serious failure; an action of another outcome counts as serious."""


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
        "outcome": _OUTCOMES.get(line["outcome"], "8"),
        "agent": _agents(line),
        "source": {"observer": {"display": observer}},
        "entity": _entities(line),
    }


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
