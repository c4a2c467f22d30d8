"""CDS Hooks requests as records: what is asked, of whom, with what access; the first thing after HTTP.

Lenient about FHIR content, strict about the envelope (rows RQ1 to RQ14, CX1 to CX12, FA1 to FA3, FV2).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hooks.envelope import split_envelope
from hooks.errors import BadRequest
from hooks.hook_definitions import BUNDLES, HOOKS, IDS, LISTS, HookDefinition
from hooks.large_json import Outline
from hooks.strict_json import NotStrictJson

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FHIR_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
MAX_CONTEXT_RESOURCES: Final = 200
"""Drafts of one order session; each is held against every other."""

_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,8192}")
_WITHDRAWN_TYPES: Final = frozenset(
    {"MedicationOrder", "DiagnosticOrder", "ProcedureRequest", "ReferralRequest"}
)
"""Order types of DSTU2 and STU3 that R4 no longer has."""


@dataclass(frozen=True, slots=True)
class FhirAuthorization:
    """The EHR's bearer token for this one call. Never stored, logged or shown."""

    access_token: str = field(repr=False)
    expires_in_s: int
    scope: str
    subject: str
    patient: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Where the user stands. `draft_orders` are the resources of the draft Bundle, as they came."""

    patient_id: str
    user_id: str | None = None
    encounter_id: str | None = None
    selections: tuple[str, ...] = ()
    draft_orders: tuple[Mapping[str, Any], ...] = ()

    def selected_orders(self) -> tuple[Mapping[str, Any], ...]:
        """The drafts that `selections` name (CX6); without selections, all of them."""
        if not self.selections:
            return self.draft_orders
        return tuple(order for order in self.draft_orders if reference_of(order) in self.selections)


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One call of one hook. `prefetch` holds raw JSON by key; an absent key was not sent.

    `outlines` are those of its large entries.
    """

    hook: str
    hook_instance: str
    context: Context
    prefetch: Mapping[str, bytes]
    fhir_server: str | None = None
    fhir_authorization: FhirAuthorization | None = None
    outlines: Mapping[str, Outline] = field(default_factory=dict)


def reference_of(resource: Mapping[str, Any]) -> str:
    """`Type/id` of a resource."""
    return f"{resource.get('resourceType', '')}/{resource.get('id', '')}"


def parse(body: bytes) -> HookRequest:
    """A hook request from its bytes. Raises BadRequest naming the member, never repeating its value."""
    try:
        envelope = split_envelope(body)
    except NotStrictJson as fault:
        raise BadRequest(str(fault), reason="json") from None
    members = envelope.members
    hook = _text(members, "hook")
    if hook not in HOOKS:
        raise BadRequest("This hook is not known.", expression=["hook"])
    instance = _text(members, "hookInstance")
    if not _UUID.fullmatch(instance):
        raise BadRequest("hookInstance is not a UUID.", expression=["hookInstance"])
    context = _object(members, "context")
    server = _optional_text(members, "fhirServer", "fhirServer")
    authorization = _authorization(members.get("fhirAuthorization"))
    if authorization and not server:
        raise BadRequest("fhirServer is required with fhirAuthorization.", expression=["fhirServer"])
    return HookRequest(
        hook,
        instance,
        _context(HOOKS[hook], context),
        envelope.prefetch,
        server,
        authorization,
        envelope.outlines,
    )


def _text(members: Mapping[str, Any], name: str, path: str = "") -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequest("A required member is missing or is not a string.", expression=[path or name])
    return value


def _optional_text(members: Mapping[str, Any], name: str, path: str) -> str | None:
    value = members.get(name)
    if value in (None, "", [], {}):
        return None
    return _text(members, name, path)


def _object(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = members.get(name)
    if not isinstance(value, dict) or not value:
        raise BadRequest("A required member is missing or is not an object.", expression=[name])
    return value


def _authorization(value: object) -> FhirAuthorization | None:
    """FA1, B-06: every member checked, so that no header is ever built from something odd."""
    if value in (None, "", [], {}):
        return None
    path = "fhirAuthorization"
    if not isinstance(value, dict):
        raise BadRequest("fhirAuthorization is not an object.", expression=[path])
    token, scope = _text(value, "access_token", path), _text(value, "scope", path)
    subject, patient = _text(value, "subject", path), _optional_text(value, "patient", path)
    expires = value.get("expires_in")
    if value.get("token_type") != "Bearer" or not _TOKEN.fullmatch(token):
        raise BadRequest("fhirAuthorization holds no usable bearer token.", expression=[path])
    if not isinstance(expires, int) or isinstance(expires, bool) or expires <= 0:
        raise BadRequest("expires_in is not a positive integer.", expression=[f"{path}.expires_in"])
    return FhirAuthorization(token, expires, scope, subject, patient)


def _context(definition: HookDefinition, members: Mapping[str, Any]) -> Context:
    for name in sorted(definition.required):
        if members.get(name) in (None, "", [], {}):
            raise BadRequest("A required context member is missing.", expression=[f"context.{name}"])
    present = definition.required | definition.optional
    ids = {name: _id(members, name, definition) for name in sorted(IDS & present)}
    for name in sorted(LISTS & present):
        _list_of_text(members.get(name), name)
    orders = tuple(r for name in sorted(BUNDLES & present) for r in _resources(members.get(name), name))
    selections = tuple(members.get("selections") or ()) if "selections" in present else ()
    _check_selections(selections, orders)
    _check_one_fhir_version(orders)
    return Context(ids["patientId"] or "", ids.get("userId"), ids.get("encounterId"), selections, orders)


def _id(members: Mapping[str, Any], name: str, definition: HookDefinition) -> str | None:
    path = f"context.{name}"
    value = _optional_text(members, name, path)
    if value is None:
        return None
    kind, _, bare = value.rpartition("/") if name == "userId" else ("", "", value)
    if not _FHIR_ID.fullmatch(bare) or (name == "userId" and kind not in definition.user_types):
        raise BadRequest("This is not an id of the form that the hook asks for.", expression=[path])
    return value


def _list_of_text(value: object, name: str) -> None:
    if value is not None and not (isinstance(value, list) and all(isinstance(v, str) and v for v in value)):
        raise BadRequest("This is not a list of references.", expression=[f"context.{name}"])


def _resources(bundle: object, name: str) -> list[Mapping[str, Any]]:
    """Resources of a context Bundle; a missing Bundle type or entry id is tolerated (CX5)."""
    if bundle in (None, "", [], {}):
        return []
    path = f"context.{name}"
    entries = bundle.get("entry", []) if isinstance(bundle, dict) else None
    if (
        not isinstance(entries, list)
        or not isinstance(bundle, dict)
        or bundle.get("resourceType") != "Bundle"
    ):
        raise BadRequest("This is not a FHIR Bundle.", expression=[path])
    if len(entries) > MAX_CONTEXT_RESOURCES:
        raise BadRequest("The context holds too many resources.", expression=[path])
    found = [entry.get("resource") if isinstance(entry, dict) else None for entry in entries]
    if not all(
        isinstance(resource, dict) and isinstance(resource.get("resourceType"), str) for resource in found
    ):
        raise BadRequest("A Bundle entry holds no resource.", expression=[f"{path}.entry"])
    return [resource for resource in found if isinstance(resource, dict)]


def _check_selections(selections: Sequence[str], orders: Sequence[Mapping[str, Any]]) -> None:
    drafted = {reference_of(order) for order in orders if order.get("id")}
    if any(selection not in drafted for selection in selections):
        raise BadRequest("A selection names no draft order.", expression=["context.selections"])


def _check_one_fhir_version(orders: Sequence[Mapping[str, Any]]) -> None:
    """R4 and R4B, or R5; older ones are refused rather than read wrongly, and so is a mixture."""
    if any(order.get("resourceType") in _WITHDRAWN_TYPES for order in orders):
        raise BadRequest("FHIR DSTU2 and STU3 are not supported.", reason="fhir_version")
    drugs = [order for order in orders if order.get("resourceType") == "MedicationRequest"]
    as_r5 = {"medication" in order for order in drugs if any(key.startswith("medication") for key in order)}
    if len(as_r5) > 1:
        raise BadRequest("The context mixes FHIR versions.", reason="fhir_version")
