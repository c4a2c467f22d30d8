"""Holds a large JSON text to the rules of a small one, without reading every entry of a stream.

Beside `strict_json`, under `envelope`. Entries that differ only in the characters of their values repeat a
member, or have a number out of range, all together or not at all: one of them is read.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec
import numpy as np

from fhir_mappers.alike_entries import alike, cuts_of, open_values
from hooks.strict_json import (
    NotStrictJson,
    finite_decimal,
    no_constant,
    plain,
    refuse_null_characters,
    without_duplicates,
)

MOST_READ: Final = 400_000
"""Members, or objects, that are read one by one (B-11): twice those of four weeks of vital signs."""


class Gap(NamedTuple):
    """Where in an outline entries are missing, right before another one: how many, of how many bytes."""

    place: int
    entries: int
    octets: int


@dataclass(frozen=True, slots=True)
class Outline:
    """A JSON text without those entries that are like one of the others; without any, the text itself."""

    text: bytes
    gaps: tuple[Gap, ...] = ()

    def left_out_of(self, entries: Iterable[msgspec.Raw]) -> int:
        """How many are missing among some entries of the outline, which were decoded from it."""
        starts = {place_of(entry, self.text)[0] for entry in entries} if self.gaps else set()
        return sum(gap.entries for gap in self.gaps if gap.place in starts)

    def original(self, place: int) -> int:
        """Where in the whole text the start or end of a member of the outline stands."""
        return place + sum(gap.octets for gap in self.gaps if gap.place < place)

    def part(self, start: int, end: int) -> "Outline":
        """The outline of one member."""
        gaps = (gap._replace(place=gap.place - start) for gap in self.gaps if start < gap.place < end)
        return Outline(self.text[start:end], tuple(gaps))


def place_of(raw: msgspec.Raw, text: bytes) -> tuple[int, int]:
    """Start and end of a member in the text it was decoded from: it is a view of it, so its address tells."""
    seen, whole = np.frombuffer(raw, np.uint8), np.frombuffer(text, np.uint8)
    start = int(seen.ctypes.data - whole.ctypes.data)
    return start, start + seen.size


def outline_of(text: bytes) -> Outline:
    """The outline of a text in UTF-8: exact JSON if, and only if, the text is."""
    cuts = cuts_of(text)
    if cuts is None:
        return Outline(text)
    gone = np.zeros(max(len(cuts.starts) - 1, 0), np.bool_)
    for group in alike(cuts, open_values):
        gone[group.numbers[1:]] = True
    first, after = np.flatnonzero(np.diff(gone, prepend=False, append=False)).reshape(-1, 2).T
    starts, ends = [0, *cuts.starts[after].tolist()], [*cuts.starts[first].tolist(), len(text)]
    parts = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    if not _are_whole(parts):
        return Outline(text)
    places = np.cumsum([len(part) for part in parts])[:-1].tolist()
    sizes = (cuts.starts[after] - cuts.starts[first]).tolist()
    return Outline(b"".join(parts), tuple(map(Gap, places, (after - first).tolist(), sizes)))


def _are_whole(parts: list[bytes]) -> bool:
    """Whether no part but the last ends within a string: then what looked like entries there are entries."""
    quotes = (part.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"') for part in parts[:-1])
    return all(count % 2 == 0 for count in quotes)


def refuse_inexact(text: bytes) -> None:
    """Raises NotStrictJson where an object repeats a member or a number is out of range."""
    refuse_null_characters(text)
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
