"""Holds a large JSON text to the rules of a small one, without reading every entry of a stream.

Beside `strict_json`, under `envelope`. The entries of one server are alike but for numbers and ids: with the
characters of those left out only a few different texts remain, and one entry for each of them is read.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

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

STEP: Final = DIGITS_TOGETHER // 4

BLOCK_BYTES: Final = 131_072
"""What is looked at together, so that it stays in the processor's cache."""

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
    octets = np.frombuffer(text, np.uint8)
    return _has_very_many_digits(text, octets) or any(
        _EXPONENT.match(text, at + 1) and _NUMBER_BEFORE.search(text[max(0, at - DIGITS_TOGETHER) : at + 1])
        for at in _exponents(octets)
    )


def _has_very_many_digits(text: bytes, octets: NDArray[np.uint8]) -> bool:
    """Whether there are more than twice `DIGITS_TOGETHER`; seen in every 32nd character before all are."""
    digit = (octets[::STEP] - ord("0")) < 10
    places = STEP * np.flatnonzero(digit[:-3] & digit[1:-2] & digit[2:-1] & digit[3:])
    return any(text[at : at + DIGITS_TOGETHER].isdigit() for at in places.tolist())


def _exponents(octets: NDArray[np.uint8]) -> Iterator[int]:
    """Places of digits before an `e` that is followed by a digit or sign and two digits."""
    for start in range(0, octets.size, BLOCK_BYTES):
        block = octets[start : start + BLOCK_BYTES + 4]
        digit = (block - ord("0")) < 10
        found = digit[:-4] & ((block[1:-3] | 0x20) == ord("e")) & digit[3:-1] & digit[4:]
        yield from (start + np.flatnonzero(found)).tolist()


def _samples(text: bytes) -> Iterator[bytes]:
    """JSON texts that together repeat a member if `text` does.

    The first and the last entry stand for the envelope around all others. Those are whole objects; the
    first of each likeness has the same strings, objects and names in the same order as all others of it.
    """
    boundary = _boundary(text)
    likeness_of, (first, *others, last) = _likenesses(text, boundary)
    shared = likeness_of(boundary)
    envelope = text.partition(boundary)[0] + boundary + text.rpartition(boundary)[2]
    if likeness_of(envelope) != first + shared + last:
        raise _Unlike
    yield envelope
    unseen, end = set(others), text.find(boundary)
    for likeness in others:
        if not unseen:
            return
        start, end = end, text.find(boundary, end + 1)
        if likeness in unseen:
            unseen.remove(likeness)
            if likeness_of(text[start:end]) != shared + likeness:
                raise _Unlike
            yield text[start + len(b"},") : end] + b"}"


def _boundary(text: bytes) -> bytes:
    """What stands between two entries, up to the name of the first member."""
    start = text.find(b'"entry":[{') + len(b'"entry":[')
    opening = text[start : start + LONGEST_OPENING].partition(b":")[0]
    if opening.count(b'"') != 2:
        raise _Unlike
    return b"}," + opening


def _likenesses(text: bytes, boundary: bytes) -> tuple[Callable[[bytes], bytes], list[bytes]]:
    """What the likeness of a text is here, and that of this text, cut at its boundaries."""
    for likeness_of in (_likeness, lambda octets: _likeness(_without_ids(octets))):
        likenesses = likeness_of(text).split(likeness_of(boundary))
        if len(likenesses) > 2 and len(set(likenesses)) <= LIKENESSES:
            return likeness_of, likenesses
    raise _Unlike


def _likeness(text: bytes) -> bytes:
    """The text without escaped quotes and without what differs from entry to entry."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.translate(None, LEFT_OUT)


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
