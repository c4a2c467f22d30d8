"""Fills a service's prefetch templates from the sandbox's own FHIR store, or fails to, as asked.

Used by `hook_client`; the ways to fail are those that real EHRs show (CDS Hooks 2.0.1, prefetch).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from cds_service.sandbox.bundles import searchset
from cds_service.sandbox.fhir_server import FhirServer
from cds_service.sandbox.search import parse_query
from hooks.errors import BadRequest, CannotAnswer

_TOKEN: Final = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_RELATIVE_DAY: Final = re.compile(r"today\(\)(?:\s*([+-])\s*(\d+)\s*days?)?")


EVERYTHING: Final = 1_000_000
"""As an EHR that does not page its prefetch."""


class Behaviour(StrEnum):
    """What the EHR does with one prefetch key."""

    COMPLETE = "complete"
    FIRST_PAGE = "first_page"
    ABSENT = "absent"
    NULL = "null"
    ERROR = "error"


_FIXED: Final = {
    Behaviour.NULL: b"null",
    Behaviour.ERROR: BadRequest("The EHR could not run this search.").to_operation_outcome(),
}


class Unresolvable(Exception):
    """A template token that this EHR does not know: the key is left out."""


def fill(
    server: FhirServer,
    templates: Mapping[str, str],
    context: Mapping[str, Any],
    ways: Mapping[str, Behaviour],
) -> dict[str, bytes]:
    """Prefetch entries as JSON texts by key. Keys not in `ways` are filled completely."""
    filled = {
        key: _entry(server, template, context, ways.get(key, Behaviour.COMPLETE))
        for key, template in templates.items()
    }
    return {key: body for key, body in filled.items() if body is not None}


def _entry(server: FhirServer, template: str, context: Mapping[str, Any], way: Behaviour) -> bytes | None:
    if way in _FIXED:
        fixed = _FIXED[way]
        return fixed if isinstance(fixed, bytes) else orjson.dumps(fixed)
    if way is Behaviour.ABSENT:
        return None
    try:
        return _answer(server, resolve(template, context, server.storage.clock()), way)
    except (Unresolvable, CannotAnswer):
        return None


def resolve(template: str, context: Mapping[str, Any], now_ms: int) -> str:
    """The template with its tokens replaced. Raises Unresolvable."""
    return _TOKEN.sub(lambda token: _value(token[1], context, now_ms), template)


def _value(token: str, context: Mapping[str, Any], now_ms: int) -> str:
    """`context.<field>`, `user<Type>Id`, or `today()` with an offset in days."""
    if day := _RELATIVE_DAY.fullmatch(token):
        offset = int(f"{day[1]}{day[2]}") if day[2] else 0
        return f"{datetime.fromtimestamp(now_ms / 1000, UTC) + timedelta(days=offset):%Y-%m-%d}"
    value = context.get(token.removeprefix("context.")) if token.startswith("context.") else None
    user_type, _, user_id = str(context.get("userId", "")).partition("/")
    if token == f"user{user_type}Id":
        value = user_id
    if not isinstance(value, str):
        raise Unresolvable(token)
    return value


def _answer(server: FhirServer, asked: str, way: Behaviour) -> bytes:
    """An instance read (`Type/id`) or a type-level search (`Type?...`)."""
    resource_type, mark, query = asked.partition("?")
    if not mark:
        stored = server.storage.read(*resource_type.split("/", 1))
        return stored.body.encode() if stored else b"null"
    pairs = parse_qsl(query)
    parsed = parse_query(resource_type, pairs)
    if way is Behaviour.FIRST_PAGE:
        return server.first_page(parsed, pairs)
    page = server.storage.page(replace(parsed, count=EVERYTHING))
    return searchset(server.base, resource_type, page, {"self": f"{server.base}/{asked}"}, len(page.bodies))
