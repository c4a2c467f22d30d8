"""JSON as a hostile client may send it: what is not exact JSON is refused, and decimals keep their digits.

Sits under `hooks.protocol`. The large prefetch members stay raw bytes for `fhir_mappers` to read once.
"""

import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import msgspec
import numpy as np
from numpy.typing import NDArray

MAX_MEMBERS: Final = 100_000
"""Object members in everything but large prefetch entries; a real draft order has a few hundred."""

MAX_DEPTH: Final = 100
"""Members within members; FHIR resources nest some ten deep."""

SMALL_ENTRY_BYTES: Final = 4096
"""Prefetch entries up to this size are checked like the rest of the request."""


class NotStrictJson(ValueError):
    """The bytes are not the JSON we accept; the text says what, and repeats none of the input."""


class _Envelope(msgspec.Struct):
    prefetch: dict[str, msgspec.Raw] | None = None


def split_envelope(body: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The small members as values, and prefetch as raw JSON by key.

    Raises NotStrictJson on anything but one JSON object in UTF-8 without duplicate members. Members
    inside a large prefetch entry are not checked for duplicates: that would cost a parse of the whole.
    """
    try:
        body.decode("utf-8")
        prefetch = msgspec.json.decode(body, type=_Envelope).prefetch or {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise NotStrictJson(_plain(fault)) from None
    large = sorted(
        _place(value, body) for value in prefetch.values() if len(_view(value)) > SMALL_ENTRY_BYTES
    )
    entries = {key: bytes(value) for key, value in prefetch.items()}
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


def decode(text: bytes) -> dict[str, Any]:
    """A small JSON object with Decimal numbers. Raises NotStrictJson; duplicate members are refused."""
    if text.count(b":") > MAX_MEMBERS:
        raise NotStrictJson("The JSON has too many members.")
    try:
        msgspec.json.decode(text)  # refuses lone surrogates, which the standard library lets through
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_float=_finite_decimal,
            parse_constant=_no_constant,
        )
    except NotStrictJson:
        raise
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise NotStrictJson(_plain(fault)) from None
    if not isinstance(value, dict):
        raise NotStrictJson("The body is not a JSON object.")
    _refuse_depth(value)
    return value


def _refuse_depth(value: object) -> None:
    """Level by level, so that no depth can exhaust the stack."""
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (
                outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
            )
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise NotStrictJson("The JSON is nested too deeply.")


def _plain(fault: BaseException) -> str:
    if isinstance(fault, RecursionError):
        return "The JSON is nested too deeply."
    if isinstance(fault, UnicodeDecodeError):
        return "The body is not UTF-8."
    if isinstance(fault, msgspec.ValidationError):
        return "A member has the wrong JSON type."
    return "The body is not JSON."


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrictJson("A JSON object repeats a member.")
    return members


def _finite_decimal(digits: str) -> Decimal:
    try:
        number = Decimal(digits)
    except InvalidOperation:
        raise NotStrictJson("A number is out of range.") from None
    if float(number) in (float("inf"), float("-inf")):
        raise NotStrictJson("A number is out of range.")
    return number


def _no_constant(_: str) -> NoReturn:
    raise NotStrictJson("NaN and Infinity are not JSON.")
