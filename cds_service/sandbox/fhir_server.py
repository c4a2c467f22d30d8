"""The sandbox's FHIR R4 server: read, search with opaque paging, create, update, transaction and batch.

A Flask blueprint over `storage`; every read needs a token that `access` issued.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from flask import Blueprint, Response, request

from cds_service.sandbox.access import AccessTokens, Grant
from cds_service.sandbox.breakage import Breakage
from cds_service.sandbox.bundles import apply_bundle, check_resource, create, searchset, update
from cds_service.sandbox.conformance import capability_statement, smart_configuration
from cds_service.sandbox.cursor import Cursors
from cds_service.sandbox.search import Pairs, Query, parse_query
from cds_service.sandbox.storage import Storage, Stored, instant
from hooks.errors import BadRequest, Forbidden, UnknownService, UnsupportedMediaType

FHIR_JSON: Final = "application/fhir+json"
_SHARED_TYPES: Final = frozenset({"Practitioner", "Device"})
"""Types that are about nobody; a token for one patient may read them."""


@dataclass(frozen=True, slots=True)
class FhirServer:
    """What the routes stand on. `base` is the public address of the server, without a trailing slash."""

    base: str
    storage: Storage
    tokens: AccessTokens
    cursors: Cursors
    breakage: Breakage = field(default_factory=Breakage)

    def blueprint(self) -> Blueprint:
        """The routes, to be mounted where `base` points."""
        routes = Blueprint("fhir", __name__)
        self.breakage.attach(routes)
        routes.get("/metadata")(self.metadata)
        routes.get("/.well-known/smart-configuration")(self.smart_configuration)
        routes.post("/")(self.submit)
        routes.get("/<resource_type>")(self.search)
        routes.post("/<resource_type>/_search")(self.search)
        routes.post("/<resource_type>")(self.create)
        routes.get("/<resource_type>/<identity>")(self.read)
        routes.put("/<resource_type>/<identity>")(self.update)
        return routes

    def metadata(self) -> Response:
        """The CapabilityStatement; public."""
        return _json(capability_statement(self.base, instant(self.storage.clock())))

    def smart_configuration(self) -> Response:
        """SMART discovery; public."""
        return Response(orjson.dumps(smart_configuration(self.base)), mimetype="application/json")

    def read(self, resource_type: str, identity: str) -> Response:
        """One resource as it stands."""
        grant = self._grant(resource_type, "r")
        stored = self.storage.read(resource_type, identity)
        if stored is None or not self._may_see(grant, stored):
            raise UnknownService("There is no such resource.")
        return _resource(stored)

    def search(self, resource_type: str) -> Response:
        """A page of a search, by GET or by POST `_search`, or the next page by its cursor."""
        grant = self._grant(resource_type, "s")
        cursor = request.values.get("_cursor")
        if cursor is not None:
            return self._next_page(resource_type, grant, self.cursors.open(cursor))
        pairs = [(name, value) for name, values in request.values.lists() for value in values]
        query = _confined(parse_query(resource_type, pairs), grant)
        return _bundle(self.first_page(query, pairs))

    def create(self, resource_type: str) -> Response:
        """A new resource under an id of ours, or the one that `If-None-Exist` finds."""
        self._grant_to_write(resource_type, "c")
        stored = create(
            self.storage, check_resource(_body(), resource_type), request.headers.get("If-None-Exist", "")
        )
        return self._written(stored)

    def update(self, resource_type: str, identity: str) -> Response:
        """Replaces a resource, or creates it under the client's id."""
        self._grant_to_write(resource_type, "u")
        return self._written(update(self.storage, check_resource(_body(), resource_type), identity))

    def submit(self) -> Response:
        """A transaction or batch Bundle."""
        bundle = check_resource(_body(), "Bundle")
        grant = self.tokens.grant(request.headers.get("Authorization", ""))
        for resource_type in _types_within(bundle):
            _require_everyone(grant, resource_type, "c")
            _require_everyone(grant, resource_type, "u")
        return _json(apply_bundle(self.storage, bundle))

    def first_page(self, query: Query, pairs: Pairs) -> bytes:
        """The first page of a search as a Bundle, with the link to the next one."""
        return self._page(query, pairs, self.storage.count(query))

    def _next_page(self, resource_type: str, grant: Grant, position: dict[str, Any]) -> Response:
        if position["type"] != resource_type:
            raise BadRequest("This page link belongs to another type.", expression=("_cursor",))
        pairs = [(name, value) for name, value in position["pairs"]]
        query = _confined(parse_query(resource_type, pairs).following(position["after"]), grant)
        return _bundle(self._page(query, pairs, position["total"]))

    def _page(self, query: Query, pairs: Pairs, total: int) -> bytes:
        page, here = self.storage.page(query), f"{self.base}/{query.resource_type}"
        links = {"self": f"{here}?{urlencode(pairs)}"}
        if page.after:
            position = {"type": query.resource_type, "pairs": pairs, "after": page.after, "total": total}
            links["next"] = f"{here}?_cursor={self.cursors.seal(position)}"
        return searchset(self.base, query.resource_type, page, links, total)

    def _grant(self, resource_type: str, letter: str) -> Grant:
        grant = self.tokens.grant(request.headers.get("Authorization", ""))
        grant.require(resource_type, letter)
        return grant

    def _grant_to_write(self, resource_type: str, letter: str) -> None:
        _require_everyone(self._grant(resource_type, letter), resource_type, letter)

    def _may_see(self, grant: Grant, stored: Stored) -> bool:
        if grant.patient is None or stored.type in _SHARED_TYPES:
            return True
        return stored.patient == f"Patient/{grant.patient}"

    def _written(self, stored: Stored) -> Response:
        response = _resource(stored)
        response.status_code = 201 if stored.created else 200
        response.headers["Location"] = f"{self.base}/{stored.type}/{stored.id}/_history/{stored.version}"
        return response


def _confined(query: Query, grant: Grant) -> Query:
    """The search within what the token allows: one patient's compartment, unless it is for everyone."""
    if grant.patient is None or query.resource_type in _SHARED_TYPES:
        return query
    return query.of_patient(f"Patient/{grant.patient}")


def _require_everyone(grant: Grant, resource_type: str, letter: str) -> None:
    grant.require(resource_type, letter)
    if grant.patient is not None:
        raise Forbidden("A token for one patient does not write here.")


def _types_within(bundle: dict[str, Any]) -> Sequence[str]:
    entries = bundle.get("entry")
    listed = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    resources = [each["resource"] for each in listed if isinstance(each.get("resource"), dict)]
    return sorted({str(resource.get("resourceType")) for resource in resources})


def _body() -> Any:
    if not (request.is_json or request.mimetype == FHIR_JSON):
        raise UnsupportedMediaType
    try:
        return orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise BadRequest("The body is not JSON.") from None


def _bundle(body: bytes) -> Response:
    return Response(body, mimetype=FHIR_JSON, headers={"Cache-Control": "no-store"})


def _json(resource: dict[str, Any]) -> Response:
    return Response(orjson.dumps(resource), mimetype=FHIR_JSON)


def _resource(stored: Stored) -> Response:
    headers = {"ETag": f'W/"{stored.version}"', "Cache-Control": "no-store"}
    return Response(stored.body, mimetype=FHIR_JSON, headers=headers)
