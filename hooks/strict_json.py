"""JSON as a hostile client may send it: what is not exact JSON is refused, and decimals keep their digits.

Sits under `hooks.envelope`, which leaves large prefetch entries to `large_json`.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import msgspec

MAX_MEMBERS: Final = 100_000
"""Object members in everything but large prefetch entries; a real draft order has a few hundred."""

MAX_DEPTH: Final = 100
"""Members within members; FHIR resources nest some ten deep."""


class NotStrictJson(ValueError):
    """The bytes are not the JSON we accept; the text says what, and repeats none of the input."""


def decode(text: bytes) -> dict[str, Any]:
    """A small JSON object with Decimal numbers. Raises NotStrictJson; duplicate members are refused."""
    if text.count(b":") > MAX_MEMBERS:
        raise NotStrictJson("The JSON has too many members.")
    refuse_null_characters(text)
    try:
        msgspec.json.decode(text)  # refuses lone surrogates, which the standard library lets through
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=without_duplicates,
            parse_float=finite_decimal,
            parse_constant=no_constant,
        )
    except NotStrictJson:
        raise
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise NotStrictJson(plain(fault)) from None
    if not isinstance(value, dict):
        raise NotStrictJson("The body is not a JSON object.")
    _refuse_depth(value)
    return value


def refuse_null_characters(text: bytes) -> None:
    """No name, code or note of anybody holds one, and PostgreSQL cannot store it (B-04)."""
    if b"\\" in text and b"\\u0000" in text:  # the first is quick to tell, and mostly not there
        raise NotStrictJson("A string holds a null character.")


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


def plain(fault: BaseException) -> str:
    if isinstance(fault, RecursionError):
        return "The JSON is nested too deeply."
    if isinstance(fault, UnicodeDecodeError):
        return "The body is not UTF-8."
    if isinstance(fault, msgspec.ValidationError):
        return "A member has the wrong JSON type."
    return "The body is not JSON."


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrictJson("A JSON object repeats a member.")
    return members


def finite_decimal(digits: str) -> Decimal:
    try:
        number = Decimal(digits)
    except InvalidOperation:
        raise NotStrictJson("A number is out of range.") from None
    if float(number) in (float("inf"), float("-inf")):
        raise NotStrictJson("A number is out of range.")
    return number


def no_constant(_: str) -> NoReturn:
    raise NotStrictJson("NaN and Infinity are not JSON.")
