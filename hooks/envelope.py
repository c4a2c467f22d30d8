"""A hook request's bytes as small members, read, and large ones, which `fhir_mappers` reads from bytes.

Between `protocol` and the two readers of JSON, `strict_json` and `large_json`.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hooks.large_json import refuse_inexact
from hooks.strict_json import NotStrictJson, decode, plain

SMALL_ENTRY_BYTES: Final = 4096
"""Prefetch entries up to this size are read like the rest of the request."""


class _Envelope(msgspec.Struct):
    prefetch: dict[str, msgspec.Raw] | None = None


def split_envelope(body: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The small members as values, and prefetch as raw JSON by key.

    Raises NotStrictJson on anything but one JSON object in UTF-8 without repeated members.
    """
    try:
        body.decode("utf-8")
        prefetch = msgspec.json.decode(body, type=_Envelope).prefetch or {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise NotStrictJson(plain(fault)) from None
    large = sorted(
        _place(value, body) for value in prefetch.values() if len(_view(value)) > SMALL_ENTRY_BYTES
    )
    entries = {key: bytes(value) for key, value in prefetch.items()}
    for entry in entries.values():
        if len(entry) > SMALL_ENTRY_BYTES:
            refuse_inexact(entry)
    return decode(_outline(body, large)), entries


def _outline(body: bytes, large: Sequence[tuple[int, int]]) -> bytes:
    """The body with null in the places of large entries."""
    parts, since = [], 0
    for start, end in large:
        parts += [body[since:start], b"null"]
        since = end
    return b"".join([*parts, body[since:]])


def _view(octets: msgspec.Raw | bytes) -> NDArray[np.uint8]:
    return np.frombuffer(octets, np.uint8)


def _place(value: msgspec.Raw, body: bytes) -> tuple[int, int]:
    """Where in the body a raw member stands: it is a view of these very bytes, so its address tells."""
    seen = _view(value)
    start = int(seen.ctypes.data - _view(body).ctypes.data)
    return start, start + seen.size
