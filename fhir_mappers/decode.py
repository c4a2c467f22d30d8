"""Bytes to entries: any envelope of FHIR JSON, its resources left as bytes until somebody asks for one.

Sits at the edge of the mappers. One malformed entry costs only itself. Callers bound size and depth before;
what still is no FHIR JSON is `NotFhir`.
"""

from bisect import bisect_right
from codecs import BOM_UTF8
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from fhir_mappers.references import objects, text

Decoded = TypeVar("Decoded")

NULL: Final = Raw(b"null")
NO_JSON: Final = Raw(b"false")
"""Stands in for a line that is no JSON."""

NOT_DECODED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises; also where text that was only passed over before holds a number out of range."""

PIECE_ITEMS: Final = 128
"""Items decoded at once: some 120 kB of JSON and as much of Python objects, which stay in cache."""

LONGEST_INDENT: Final = 64
"""White space looked through for the first character of a body."""


class NotFhir(ValueError):
    """The bytes are not FHIR JSON: malformed, nested too deep, in another encoding, or something else."""


class Entry(Struct, gc=False):
    """One entry of a Bundle, its members as bytes."""

    fullUrl: Raw = NULL  # noqa: N815
    resource: Raw = NULL
    search: Raw = NULL


class Bundle(Struct, gc=False):
    """A Bundle with its entries as bytes; any other resource decodes into one too."""

    resourceType: Raw = NULL  # noqa: N815
    total: Raw = NULL
    link: Raw = NULL
    entry: list[Raw] = []


_bundle = msgspec.json.Decoder(Bundle)
_entry = msgspec.json.Decoder(Entry)
_raws = msgspec.json.Decoder(list[Raw])
_raw = msgspec.json.Decoder(Raw)
_json = msgspec.json.Decoder()


@dataclass(slots=True)
class Piece:
    """Neighbouring items of a body as one JSON array. `size` is -1 until the items have been counted."""

    array: bytes
    size: int = -1
    _items: Sequence[Raw] | None = None

    def items(self) -> Sequence[Raw] | None:
        """The bytes of each item; None where the text is no array after all."""
        if self._items is None:
            self._items = decoded(_raws, self.array)
        return self._items


@dataclass(frozen=True, slots=True)
class Page:
    """One body in pieces. Its items are entries of a Bundle (`wrapped`), or bare resources."""

    pieces: Sequence[Piece]
    wrapped: bool = False
    total: int | None = None
    has_next: bool = False
    _ends: list[int] = field(default_factory=list, repr=False, compare=False)

    def item(self, position: int) -> Raw:
        """The bytes of one item of a piece that has been counted."""
        while len(self._ends) < len(self.pieces) and (size := self.pieces[len(self._ends)].size) >= 0:
            self._ends.append((self._ends[-1] if self._ends else 0) + size)
        number = bisect_right(self._ends, position)
        first = self._ends[number - 1] if number else 0
        items = self.pieces[number].items() if number < len(self._ends) else None
        if items is None:
            raise IndexError(position)
        return items[position - first]

    def resource_bytes(self, position: int) -> Raw:
        """The resource of one item; an item that is no object stands for itself."""
        item = self.item(position)
        entry = decoded(_entry, item) if self.wrapped else None
        return item if entry is None else entry.resource

    def resource(self, position: int) -> dict[str, Any] | None:
        """The resource of one item as plain JSON; None where there is no JSON object."""
        return _object(self.resource_bytes(position))

    def full_url(self, position: int) -> str:
        """The fullUrl of one entry, empty where it has none."""
        url = _value(self._entry(position).fullUrl)
        return url if isinstance(url, str) else ""

    def is_included(self, position: int) -> bool:
        """Whether the entry came along with a match (`search.mode` include) and is none itself."""
        return text(_object(self._entry(position).search), "mode") == "include"

    def _entry(self, position: int) -> Entry:
        return (decoded(_entry, self.item(position)) if self.wrapped else None) or Entry()


def as_utf8(body: bytes | memoryview | Raw) -> bytes:
    """The body, if it is UTF-8 throughout: what nobody reads is never decoded, so it shows only here.

    A byte order mark, which Windows programs write, is left out.
    """
    content = bytes(body).removeprefix(BOM_UTF8)
    try:
        if not content.isascii():
            content.decode()
    except UnicodeDecodeError as error:
        raise NotFhir("not UTF-8") from error
    return content


def read_page(content: bytes) -> Page:
    """A Bundle of any type, an array, NDJSON, or one resource."""
    try:
        return _read(content)
    except RecursionError as error:
        raise NotFhir("JSON is nested too deep") from error
    except UnicodeDecodeError as error:
        raise NotFhir("not UTF-8") from error
    except msgspec.DecodeError as error:
        return _ndjson(content, error)


def _read(content: bytes) -> Page:
    if content[:LONGEST_INDENT].lstrip().startswith(b"["):
        return Page(in_pieces(_raws.decode(content)))
    try:
        whole = _bundle.decode(content)
    except msgspec.ValidationError as error:
        raise NotFhir("neither a resource nor an array of resources") from error
    kind = _value(whole.resourceType)
    if not isinstance(kind, str) or not kind:
        raise NotFhir("an object without resourceType")
    return bundle_page(whole, in_pieces(whole.entry)) if kind == "Bundle" else Page(in_pieces([Raw(content)]))


def bundle_page(whole: Bundle, pieces: Sequence[Piece]) -> Page:
    """The page of a Bundle whose entries stand in these pieces."""
    total = _value(whole.total)
    has_next = any(text(link, "relation") == "next" for link in objects(_value(whole.link)))
    return Page(pieces, True, total if isinstance(total, int) else None, has_next)


def in_pieces(items: Sequence[Raw]) -> list[Piece]:
    """Items joined to arrays that are decoded at once."""
    starts = range(0, len(items), PIECE_ITEMS)
    parts = [items[start : start + PIECE_ITEMS] for start in starts]
    return [Piece(b"[" + b",".join(part) + b"]", len(part), part) for part in parts]


def _ndjson(content: bytes, error: msgspec.DecodeError) -> Page:
    """A body of one resource a line; a line that is no JSON stands as an item without resource."""
    lines = [decoded(_raw, Raw(line)) for line in content.splitlines() if line.strip()]
    if len(lines) < 2 or not any(line is not None and _object(line) for line in lines):
        raise NotFhir(str(error)) from error
    return Page(in_pieces([NO_JSON if line is None else line for line in lines]))


def _object(raw: Raw) -> dict[str, Any] | None:
    whole = _value(raw)
    return whole if isinstance(whole, dict) else None


def _value(raw: Raw) -> object:
    return decoded(_json, raw)


def decoded(decoder: "msgspec.json.Decoder[Decoded]", raw: Raw | bytes) -> Decoded | None:
    """What the decoder makes of the bytes, None where they are not what it expects."""
    try:
        return decoder.decode(raw)
    except NOT_DECODED:
        return None
