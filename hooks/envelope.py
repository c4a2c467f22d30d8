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
        whole = outline_of(body)
        prefetch = msgspec.json.decode(whole.text, type=_Prefetch).prefetch or {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise NotStrictJson(plain(fault)) from None
    short = {key: place_of(value, whole.text) for key, value in prefetch.items()}
    places = {key: (whole.original(start), whole.original(end)) for key, (start, end) in short.items()}
    large = [key for key, (start, end) in places.items() if end - start > SMALL_ENTRY_BYTES]
    outlines = {key: _outline(whole.part(*short[key])) for key in large}
    for outline in outlines.values():
        refuse_inexact(outline.text)
    members = decode(_without(body, sorted(places[key] for key in large)))
    return Envelope(members, {key: body[start:end] for key, (start, end) in places.items()}, outlines)


def _outline(entry: Outline) -> Outline:
    """The outline of an entry; one that is whole may be written otherwise than those that are not."""
    return entry if entry.gaps else outline_of(entry.text)


def _without(body: bytes, large: Sequence[tuple[int, int]]) -> bytes:
    """The body with null in the places of large entries."""
    parts, since = [], 0
    for start, end in large:
        parts += [body[since:start], b"null"]
        since = end
    return b"".join([*parts, body[since:]])
