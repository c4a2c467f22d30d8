"""A hook request's bytes as small members, read, and large ones, which `fhir_mappers` reads from bytes.

Between `protocol` and the two readers of JSON, `strict_json` and `large_json`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from hooks.large_json import Outline, outline_of, place_of, refuse_inexact
from hooks.strict_json import NotStrictJson, decode, plain

SMALL_ENTRY_BYTES: Final = 4096
"""Prefetch entries up to this size are read like the rest of the request."""


class _Prefetch(msgspec.Struct):
    prefetch: dict[str, msgspec.Raw] | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """The small members as values; prefetch as raw JSON by key, and the outlines of its large entries."""

    members: Mapping[str, Any]
    prefetch: Mapping[str, bytes]
    outlines: Mapping[str, Outline]


def split_envelope(body: bytes) -> Envelope:
    """Raises NotStrictJson on anything but one JSON object in UTF-8 without repeated members."""
    try:
        body.decode("utf-8")
        prefetch = msgspec.json.decode(body, type=_Prefetch).prefetch or {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise NotStrictJson(plain(fault)) from None
    places = {key: place_of(value, body) for key, value in prefetch.items()}
    entries = {key: body[start:end] for key, (start, end) in places.items()}
    large = [key for key, entry in entries.items() if len(entry) > SMALL_ENTRY_BYTES]
    outlines = {key: outline_of(entries[key]) for key in large}
    for outline in outlines.values():
        refuse_inexact(outline.text)
    return Envelope(decode(_without(body, sorted(places[key] for key in large))), entries, outlines)


def _without(body: bytes, large: Sequence[tuple[int, int]]) -> bytes:
    """The body with null in the places of large entries."""
    parts, since = [], 0
    for start, end in large:
        parts += [body[since:start], b"null"]
        since = end
    return b"".join([*parts, body[since:]])
