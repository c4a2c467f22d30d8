"""Bundles in and out: searchsets written by joining raw JSON, transactions and batches read and stored.

Between `fhir_server` (HTTP) and `storage`.
"""

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from cds_service.sandbox.indexing import PARAMETERS
from cds_service.sandbox.search import Page, parse_query
from cds_service.sandbox.storage import Storage, Stored
from hooks.errors import BadRequest, CannotAnswer

_TYPE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")


class SeveralMatches(CannotAnswer):
    """A conditional create that finds more than one resource."""

    status, issue_code, default_text = 412, "multiple-matches", "Several resources match the condition."


def searchset(base: str, resource_type: str, page: Page, links: Mapping[str, str], total: int) -> bytes:
    """A searchset Bundle. The bodies are joined as they stand in storage: nothing is parsed or checked."""
    entries = ",".join(
        f'{{"fullUrl":"{base}/{resource_type}/{identity}","resource":{body},"search":{{"mode":"match"}}}}'
        for identity, body in page.bodies
    )
    link = orjson.dumps([{"relation": name, "url": url} for name, url in links.items()]).decode()
    listed = f',"entry":[{entries}]' if entries else ""
    head = f'{{"resourceType":"Bundle","type":"searchset","total":{total},"link":{link}'
    return f"{head}{listed}}}".encode()


def check_resource(resource: Any, resource_type: str | None = None) -> dict[str, Any]:
    """The resource, when it is an object with a possible type (the given one) and id; else BadRequest."""
    if not isinstance(resource, dict):
        raise BadRequest("A FHIR resource is expected.")
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise BadRequest("A FHIR resource is expected.")
    if not isinstance(resource.get("meta", {}), dict):
        raise BadRequest("meta is an object.", expression=(f"{kind}.meta",))
    if resource_type and kind != resource_type:
        raise BadRequest(f"A {resource_type} is expected here.", expression=("resourceType",))
    if "id" in resource and not (isinstance(resource["id"], str) and _ID.fullmatch(resource["id"])):
        raise BadRequest("The id is not a FHIR id.", expression=(f"{kind}.id",))
    return resource


def create(storage: Storage, resource: dict[str, Any], if_none_exist: str = "") -> Stored:
    """Stores the resource under a new id, or gives the one that `If-None-Exist` finds."""
    with storage.atomic():
        found = _existing(storage, resource["resourceType"], if_none_exist) if if_none_exist else None
        return found or storage.put({**resource, "id": str(uuid.uuid4())})


def _existing(storage: Storage, resource_type: str, criteria: str) -> Stored | None:
    if resource_type not in PARAMETERS or not (pairs := parse_qsl(criteria)):
        raise BadRequest("This condition cannot be checked here.", expression=("ifNoneExist",))
    found = storage.search(parse_query(resource_type, pairs))
    if len(found) > 1:
        raise SeveralMatches
    return storage.read(resource_type, found[0]["id"]) if found else None


def update(storage: Storage, resource: dict[str, Any], identity: str) -> Stored:
    """Replaces the resource, or creates it under the id that the client chose."""
    if resource.get("id", identity) != identity or not _ID.fullmatch(identity):
        raise BadRequest("The id in the body differs from the address.", expression=("id",))
    return storage.put({**resource, "id": identity})


def apply_bundle(storage: Storage, bundle: dict[str, Any]) -> dict[str, Any]:
    """Runs a transaction (all or nothing) or a batch (each entry alone); gives the response Bundle."""
    kind, entries = bundle.get("type"), bundle.get("entry", [])
    if kind not in ("transaction", "batch") or not isinstance(entries, list):
        raise BadRequest("A Bundle of type transaction or batch is expected.", expression=("Bundle.type",))
    with storage.atomic():
        if kind == "batch":
            answers = [_alone(storage, entry) for entry in entries]
        else:
            answers = _together(storage, entries)
    return {"resourceType": "Bundle", "type": f"{kind}-response", "entry": [{"response": a} for a in answers]}


def _alone(storage: Storage, entry: Any) -> dict[str, Any]:
    try:
        return _answer(_run(storage, *_request(entry)))
    except CannotAnswer as refusal:
        return {"status": str(refusal.status), "outcome": refusal.to_operation_outcome()}


def _together(storage: Storage, entries: list[Any]) -> list[dict[str, Any]]:
    """Conditional creates and new ids first, so that references between the entries can be rewritten."""
    planned: list[tuple[dict[str, Any], Stored | None]] = []
    for resource, identity, condition in map(_request, entries):
        found = _existing(storage, resource["resourceType"], condition) if condition else None
        identity = found.id if found else identity or str(uuid.uuid4())
        planned.append((resource | {"id": identity}, found))
    targets = full_url_targets(
        (entry, resource) for entry, (resource, _) in zip(entries, planned, strict=True)
    )
    return [_answer(found or storage.put(rewritten(resource, targets))) for resource, found in planned]


def full_url_targets(entries: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, str]:
    """What references between entries resolve to: `Type/id` by fullUrl, and relative to the fullUrl's base.

    Takes pairs of an entry and its resource under the id that it will have.
    """
    targets: dict[str, str] = {}
    for entry, resource in entries:
        full_url = str(entry.get("fullUrl", ""))
        reference = f"{resource['resourceType']}/{resource['id']}"
        if full_url.startswith("http"):
            targets["/".join(full_url.rsplit("/", 2)[-2:])] = reference
        targets[full_url] = reference
    targets.pop("", None)
    return targets


def rewritten(value: Any, targets: Mapping[str, str]) -> Any:
    """The JSON value with every `reference` that stands in `targets` replaced."""
    if isinstance(value, list):
        return [rewritten(each, targets) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {name: rewritten(each, targets) for name, each in value.items()}
    if str(changed.get("reference")) in targets:
        changed["reference"] = targets[str(changed["reference"])]
    return changed


def _request(entry: Any) -> tuple[dict[str, Any], str, str]:
    """Resource, id (empty for a create) and condition of an entry."""
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or request.get("method") not in ("POST", "PUT"):
        raise BadRequest("Entries create (POST) or update (PUT).", expression=("Bundle.entry.request",))
    resource_type, _, identity = str(request.get("url", "")).strip("/").partition("/")
    resource = check_resource(entry.get("resource"), resource_type)
    if (request["method"] == "PUT") != bool(_ID.fullmatch(identity)):
        raise BadRequest("An update names Type/id, a create only Type.", expression=("request.url",))
    return resource, identity, str(request.get("ifNoneExist", ""))


def _run(storage: Storage, resource: dict[str, Any], identity: str, condition: str) -> Stored:
    return update(storage, resource, identity) if identity else create(storage, resource, condition)


def _answer(stored: Stored) -> dict[str, Any]:
    return {
        "status": "201 Created" if stored.created else "200 OK",
        "location": f"{stored.type}/{stored.id}/_history/{stored.version}",
        "etag": f'W/"{stored.version}"',
    }
