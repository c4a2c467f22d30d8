"""Where a large Bundle can be cut between two entries, without reading it: a guess that decoding proves.

Sits beside `decode`. Servers write all entries alike, so what follows the opening bracket of `entry` also
follows each comma between entries. A cut is right exactly if the text before it, back to the last right
cut, is a JSON array: decoding the pieces shows that, and a wrong guess costs only a second start.
"""

import re
from typing import Final

import msgspec

from fhir_mappers.decode import Bundle, Page, Piece, bundle_page, decoded, in_pieces

PIECE_BYTES: Final = 120_000
"""Least size of a piece; the pieces of a body are decoded one by one."""

ENTRY_ARRAY: Final = re.compile(rb'"entry"\s*:\s*\[')
LONGEST_OPENING: Final = 64
"""Bytes looked through for the first member name of the first entry."""

BUNDLE: Final = msgspec.Raw(b'"Bundle"')

_bundle = msgspec.json.Decoder(Bundle)


def cut_bundle(content: bytes, piece_bytes: int = PIECE_BYTES) -> Page | None:
    """A Bundle cut into pieces that are still to be proven; None where no cut suggests itself.

    The head must leave open exactly one array in one object, and the rest must hold no other `entry`.
    """
    found = ENTRY_ARRAY.search(content) if len(content) > 2 * piece_bytes else None
    if found is None:
        return None
    start = found.end()
    head, opening = content[:start], content[start : start + LONGEST_OPENING].partition(b":")[0]
    if not opening.strip().startswith(b"{") or decoded(_bundle, head + b"]}") is None:
        return None
    pieces, octets = [], memoryview(content)
    while (cut := content.find(b"," + opening, start + piece_bytes)) >= 0:
        pieces.append(Piece(b"".join((b"[", octets[start:cut], b"]"))))
        start = cut + 1
    rest = decoded(_bundle, head + content[start:])
    if rest is None or rest.resourceType != BUNDLE or ENTRY_ARRAY.search(content, start):
        return None
    return bundle_page(rest, [*pieces, *in_pieces(rest.entry)])
