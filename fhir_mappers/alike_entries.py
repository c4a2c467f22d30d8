"""Entries of a large Bundle that differ only in the characters of their values, found without reading each.

Sits under `hooks.large_json`, which reads one entry for all that are like it. Servers write
the entries of a stream alike to the byte; laid over one another they differ in ids, times and numbers alone.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fhir_mappers.decode import decoded

LEAST: Final = 8
"""Fewer entries of one length are quicker read than compared."""

MOST_LENGTHS: Final = 64
MOST_TRIES: Final = 8
"""Entries of one length that are tried as the pattern of others, and lengths tried: what is left is read."""

LONGEST_NUMBER: Final = 100
"""Digits that cannot leave the range of a double whatever they are."""

LONGEST_FIRST: Final = 65_536
"""Bytes of the first entry, in which the second is looked for."""

SAMPLE_BYTES: Final = 8_192
BLOCK_BYTES: Final = 262_144
"""What is looked at together, so that it stays in the processor's cache."""

_ENTRIES: Final = re.compile(rb'"entry"\s*:\s*\[\s*(\{\s*"[^"\\]{1,64}"\s*:)')
_TOKEN: Final = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*"(?P<name>\s*:)?'
    rb"|-?(?P<digits>\d+)(?:\.(?P<more>\d+))?(?P<power>[eE][+-]?\d+)?",
    re.DOTALL,
)
_raw = msgspec.json.Decoder(msgspec.Raw)


@dataclass(frozen=True, slots=True)
class Span:
    """For each character of a pattern the least and greatest that may stand in its place: itself, or more."""

    pattern: NDArray[np.uint8]
    low: NDArray[np.uint8]
    high: NDArray[np.uint8]

    def fix(self, start: int, end: int) -> None:
        """Characters that must be those of the pattern after all."""
        self.low[start:end] = self.high[start:end] = self.pattern[start:end]


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where a text may be cut between two entries: the pieces from each start to one before the next.

    What stands before the first and after the last piece belongs to none. A guess: a piece is an entry if it
    is one JSON object, and if the text is JSON with the cuts outside of its strings.
    """

    text: bytes
    starts: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Bytes of each piece."""
        return np.diff(self.starts) - 1


@dataclass(frozen=True, slots=True)
class Alike:
    """Pieces like their pattern, which is the first of them, by their numbers."""

    pattern: bytes
    numbers: NDArray[np.int64]


def cuts_of(text: bytes) -> Cuts | None:
    """The cuts that the first two entries suggest, None where there are none."""
    first = _ENTRIES.search(text)
    if first is None:
        return None
    between = re.compile(rb",\s*" + re.escape(first[1]))
    second = between.search(text, first.end(), first.end() + LONGEST_FIRST)
    return Cuts(text, _places(text, second[0], second.start()) + 1) if second else None


def _places(text: bytes, wanted: bytes, since: int) -> NDArray[np.int64]:
    """Where some bytes stand in a text: looked for by the two of them that are rarest there."""
    sample, octets = text[since : since + SAMPLE_BYTES], np.frombuffer(text, np.uint8)
    one, other = sorted(range(len(wanted)), key=lambda at: sample.count(wanted[at : at + 1]))[:2]
    found = []
    for start in range(0, octets.size - len(wanted) + 1, BLOCK_BYTES):
        block = octets[start : start + BLOCK_BYTES + len(wanted) - 1]
        size = block.size - len(wanted) + 1
        seen = block[one : one + size] == wanted[one]
        seen &= block[other : other + size] == wanted[other]
        found.append(start + np.flatnonzero(seen))
    places: NDArray[np.int64] = np.concatenate(found)
    whole = sliding_window_view(octets, len(wanted))[places] == np.frombuffer(wanted, np.uint8)
    there: NDArray[np.int64] = places[whole.all(axis=1)]
    return there


def alike(cuts: Cuts, span_of: Callable[[bytes], Span | None]) -> Iterator[Alike]:
    """Pieces that are like one of them in all but what `span_of` leaves open in it, group by group."""
    octets, sizes = np.frombuffer(cuts.text, np.uint8), cuts.sizes
    lengths, counts = np.unique(sizes, return_counts=True)
    often = np.argsort(-counts)[: min(MOST_LENGTHS, int(np.count_nonzero(counts >= LEAST)))]
    for length in lengths[often].tolist():
        numbers, texts = np.flatnonzero(sizes == length), sliding_window_view(octets, length)
        for _ in range(MOST_TRIES):
            if len(numbers) < LEAST:
                break
            starts = cuts.starts[numbers]
            pattern = texts[starts[0]].tobytes()
            span = span_of(pattern)
            like = np.arange(len(numbers)) == 0 if span is None else _like(texts, starts, span)
            if span is not None:
                yield Alike(pattern, numbers[like])
            numbers = numbers[~like]


def _like(texts: NDArray[np.uint8], starts: NDArray[np.int64], span: Span) -> NDArray[np.bool_]:
    """Which texts stay within the span, and have quotes and escapes only where the pattern has them."""
    step = max(1, BLOCK_BYTES // len(span.low))
    return np.concatenate(
        [_within(texts[starts[first : first + step]], span) for first in range(0, len(starts), step)]
    )


def _within(rows: NDArray[np.uint8], span: Span) -> NDArray[np.bool_]:
    least, greatest = rows.min(axis=0), rows.max(axis=0)
    differ = np.flatnonzero((least != span.pattern) | (greatest != span.pattern))
    cells, low, high = rows[:, differ], span.low[differ], span.high[differ]
    breaks_out = ((cells == ord('"')) | (cells == ord("\\"))) & (low != high)
    like: NDArray[np.bool_] = ((cells >= low) & (cells <= high) & ~breaks_out).all(axis=1)
    return like


def open_values(pattern: bytes) -> Span | None:
    """Open: the characters of strings that are no names, and digits. None where it is no JSON object.

    Whatever a text has in these places, it is JSON of the same members in the same order, with numbers in
    range, as long as strings hold no quote, escape or control character.
    """
    if decoded(_raw, pattern) is None:
        return None
    octets = np.frombuffer(pattern, np.uint8)
    span = Span(octets, octets.copy(), octets.copy())
    for token in _TOKEN.finditer(pattern):
        if token["digits"] is not None:
            _open_number(token, span)
        elif token["name"] is None and b"\\" not in token[0]:
            span.low[token.start() + 1 : token.end() - 1] = ord(" ")
            span.high[token.start() + 1 : token.end() - 1] = 255
    return span


def _open_number(token: re.Match[bytes], span: Span) -> None:
    """Any digits, but no zero in front; a number with an exponent stays what it is."""
    if token["power"] is not None or len(token[0]) > LONGEST_NUMBER:
        return
    for part in ("digits", "more"):
        start, end = token.span(part)
        span.low[start:end], span.high[start:end] = ord("0"), ord("9")
    if len(token["digits"]) > 1:
        span.low[token.start("digits")] = ord("1")
