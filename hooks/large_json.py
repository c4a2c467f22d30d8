"""Holds a large JSON text to the rules of a small one, without reading every entry of a stream.

Beside `strict_json`, under `envelope`. The entries of one server are alike but for numbers and ids: with the
characters of those left out only a few different texts remain, and one entry for each of them is read.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from hooks.strict_json import (
    NotStrictJson,
    finite_decimal,
    no_constant,
    plain,
    refuse_null_characters,
    without_duplicates,
)

LEFT_OUT: Final = b"0123456789abcdefABCDEF-"
"""Characters of numbers, times and UUIDs; none of them belongs to the structure of JSON."""

LIKENESSES: Final = 200
"""Different texts that are worth reading one by one."""

IDS: Final = (b'"id":"', b'"fullUrl":"', b'"value":"', b'"reference":"')
"""Members left out as a whole where ids are made of all letters."""

MOST_READ: Final = 400_000
"""Members, or objects, that are read one by one (B-11): twice those of four weeks of vital signs."""

LONGEST_OPENING: Final = 64
DIGITS_TOGETHER: Final = 128
"""No number that fits a double needs as many; 309 are out of range."""

BLOCK_BYTES: Final = 65_536
"""What is looked at together, so that it stays in the processor's cache."""

_EIGHT_DIGITS: Final = np.uint64(0x0101010101010101)
_EXPONENT: Final = re.compile(rb"[eE][+-]?\d{3,}[\s,\]}]")
_NUMBER_BEFORE: Final = re.compile(rb"(?:^|[\s,:\[])-?\d+(?:\.\d+)?\Z")
_ESCAPED_NAME: Final = re.compile(rb'\\[^"]*"\s*:')
_TABLE: Final = dict.fromkeys(LEFT_OUT)


class _Unlike(Exception):
    """The entries are not alike, or not cut where they were thought to be: everything must be read."""


def refuse_inexact(text: bytes) -> None:
    """Raises NotStrictJson where an object repeats a member or a number is out of range.

    `text` is known to be JSON in UTF-8.
    """
    refuse_null_characters(text)
    try:
        if may_overflow(text):
            raise _Unlike
        for sample in _samples(text):
            _read_sample(sample)
    except _Unlike:
        _read_all(text)


def may_overflow(text: bytes) -> bool:
    """Whether some number could be beyond a double: an exponent of three digits, or very many digits."""
    longest = 2 * DIGITS_TOGETHER
    return any(
        _block_may_overflow(text[at : at + BLOCK_BYTES + longest]) for at in range(0, len(text), BLOCK_BYTES)
    )


def _block_may_overflow(block: bytes) -> bool:
    octets = np.frombuffer(block, np.uint8)
    digit = (octets - ord("0")) < 10
    eights = digit[: digit.size // 8 * 8].view(np.uint64) == _EIGHT_DIGITS
    rows = DIGITS_TOGETHER // 8
    if eights[: eights.size // rows * rows].reshape(-1, rows).all(axis=1).any():
        return True
    exponent = digit[:-4] & ((octets[1:-3] | 0x20) == ord("e")) & digit[3:-1] & digit[4:]
    return any(
        _EXPONENT.match(block, at + 1) and _NUMBER_BEFORE.search(block[max(0, at - DIGITS_TOGETHER) : at + 1])
        for at in np.flatnonzero(exponent).tolist()
    )


def _samples(text: bytes) -> Iterator[bytes]:
    """JSON texts that together repeat a member if `text` does.

    The first and the last entry stand for the envelope around all others. Those, each a whole object, are
    cut out; entries of one likeness have the same strings, objects and names in the same order.
    """
    start = text.find(b'"entry":[{') + len(b'"entry":[')
    opening = text[start : start + LONGEST_OPENING].partition(b":")[0]
    boundary = b"}," + opening
    first, *entries = text.split(boundary) if opening.count(b'"') == 2 else (text,)
    if len(entries) < 2:
        raise _Unlike
    yield first + boundary + entries.pop()
    likenesses = _likenesses(text, boundary)
    if len(set(likenesses)) > LIKENESSES:
        likenesses = _likenesses(_without_ids(text), boundary)
    if len(likenesses) != len(entries) + 2 or len(set(likenesses)) > LIKENESSES:
        raise _Unlike
    samples = dict(zip(likenesses[1:-1], entries, strict=True))
    yield from (opening + entry + b"}" for entry in samples.values())


def _likenesses(text: bytes, boundary: bytes) -> list[bytes]:
    """The text cut at its boundaries, without escaped quotes and without what differs from entry to entry."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.translate(None, LEFT_OUT).split(boundary.translate(None, LEFT_OUT))


def _without_ids(text: bytes) -> bytes:
    for name in IDS:
        first, *others = text.split(name)
        parts = [other.partition(b'"') for other in others]
        if any(b"\\" in value for value, _, _ in parts):
            raise _Unlike
        text = name.join([first, *(rest for _, _, rest in parts)])
    return text


def _distinct_likenesses(pairs: list[tuple[str, Any]]) -> None:
    """Of a sample: names that differ only in what was left out may be the same in an entry like it."""
    if len({name.translate(_TABLE) for name, _ in pairs}) != len(pairs):
        raise _Unlike


def _read_sample(text: bytes) -> None:
    if _ESCAPED_NAME.search(text):
        raise _Unlike
    try:
        json.loads(text, object_pairs_hook=_distinct_likenesses, parse_constant=no_constant)
    except ValueError:  # cut in the wrong place
        raise _Unlike from None


def _read_all(text: bytes) -> None:
    if max(text.count(b'":'), text.count(b"{")) > MOST_READ:
        raise NotStrictJson("The JSON has too many members.")
    try:
        json.loads(
            text,
            object_pairs_hook=without_duplicates,
            parse_float=finite_decimal,
            parse_constant=no_constant,
        )
    except NotStrictJson:
        raise
    except (ValueError, RecursionError) as fault:
        raise NotStrictJson(plain(fault)) from None
