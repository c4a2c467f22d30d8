"""Holds a large JSON text to the rules of a small one, without reading every entry of a stream.

Beside `strict_json`, under `envelope`. Entries that differ only in the characters of their values repeat a
member, or have a number out of range, all together or not at all: one of them is read.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, slots=True)
class Outline:
    """A JSON text without those entries that are like one of the others; without any, the text itself.

    `left_out`: how many are missing before the entry that stands at each place.
    """

    text: bytes
    left_out: tuple[tuple[int, int], ...] = ()

    def left_out_of(self, entries: Iterable[msgspec.Raw]) -> int:
        """How many are missing among some entries of the outline, which were decoded from it."""
        starts = {place_of(entry, self.text)[0] for entry in entries} if self.left_out else set()
        return sum(count for place, count in self.left_out if place in starts)


def place_of(raw: msgspec.Raw, text: bytes) -> tuple[int, int]:
    """Start and end of a member in the text it was decoded from: it is a view of it, so its address tells."""
    seen, whole = np.frombuffer(raw, np.uint8), np.frombuffer(text, np.uint8)
    start = int(seen.ctypes.data - whole.ctypes.data)
    return start, start + seen.size


def outline_of(text: bytes) -> Outline:
    """The outline of a text that is known to be JSON in UTF-8. It is as strict as the text is."""
    cuts = cuts_of(text)
    if cuts is None:
        return Outline(text)
    gone = np.zeros(max(len(cuts.starts) - 1, 0), np.bool_)
    for group in alike(cuts, open_values):
        gone[group.numbers[1:]] = True
    runs = _runs(gone)
    bounds = [0, *cuts.starts[runs].ravel().tolist(), len(text)]
    parts = [text[start:end] for start, end in zip(bounds[::2], bounds[1::2], strict=True)]
    if not _are_whole(parts):
        return Outline(text)
    places = np.cumsum([len(part) for part in parts])[:-1].tolist()
    return Outline(b"".join(parts), tuple(zip(places, (runs[:, 1] - runs[:, 0]).tolist(), strict=True)))


def _runs(gone: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First and one past the last of each run of pieces that are left out."""
    return np.flatnonzero(np.diff(gone, prepend=False, append=False)).reshape(-1, 2)


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
