"""Bytes to entries: any envelope of FHIR JSON, decoded once, one bad entry never costing the others.

Sits at the edge of the mappers. The common shape of an Observation is decoded straight into `PlainReading`;
every entry can also be had as plain JSON. Callers bound size and depth before; what still is no FHIR JSON
is `NotFhir`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from fhir_mappers.references import objects, text

Decoded = TypeVar("Decoded")

NULL: Final = Raw(b"null")

LONGEST_INDENT: Final = 64
"""White space looked through for the first character of a body."""


class NotFhir(ValueError):
    """The bytes are not FHIR JSON: malformed, nested too deep, in another encoding, or something else."""


class Kind(StrEnum):
    """Resource types as the fast path tells them apart; enum members are decoded without a new string."""

    OBSERVATION = "Observation"
    OTHER = ""

    @classmethod
    def _missing_(cls, value: object) -> "Kind":
        return cls.OTHER


class Status(StrEnum):
    """The statuses of a usable Observation; whatever else is sent is OTHER here."""

    FINAL = "final"
    AMENDED = "amended"
    CORRECTED = "corrected"
    PRELIMINARY = "preliminary"
    REGISTERED = "registered"
    OTHER = ""

    @classmethod
    def _missing_(cls, value: object) -> "Status":
        return cls.OTHER


class Amount(Struct, gc=False):
    """A Quantity. Its value may be of any type, so that one wrong value does not spoil the page it came in;
    JSON numbers become floats.
    """

    value: float | str | bool | list[Any] | dict[str, Any] | None = None
    unit: str | None = ""
    code: str | None = ""
    comparator: str | None = None


class Meta(Struct, gc=False):
    """What of `meta` decides between versions, and whether labels need a closer look."""

    lastUpdated: str = ""  # noqa: N815
    source: str = ""
    security: Raw | UnsetType = UNSET


class PlainPart(Struct, gc=False):
    """A component with a Quantity, and the members whose presence makes it more than that."""

    modifierExtension: Raw | UnsetType = UNSET  # noqa: N815
    code: Raw = NULL
    valueQuantity: Amount | None = None  # noqa: N815
    valueSampledData: Raw | UnsetType = UNSET  # noqa: N815
    dataAbsentReason: Raw | UnsetType = UNSET  # noqa: N815
    interpretation: Raw | UnsetType = UNSET


class PlainReading(Struct, gc=False):
    """The members of an Observation that the fast path reads, and those whose presence forbids it.

    Other resources decode into it too as long as no member clashes; `resourceType` tells. Members stand
    in FHIR's own order, in which servers send them: the decoder then finds each at once.
    """

    resourceType: Kind = Kind.OTHER  # noqa: N815
    id: str = ""
    meta: Meta | None = None
    modifierExtension: Raw | UnsetType = UNSET  # noqa: N815
    status: Status = Status.OTHER
    code: Raw = NULL
    subject: Raw = NULL
    effectiveDateTime: str = ""  # noqa: N815
    valueQuantity: Amount | None = None  # noqa: N815
    valueSampledData: Raw | UnsetType = UNSET  # noqa: N815
    dataAbsentReason: Raw | UnsetType = UNSET  # noqa: N815
    interpretation: Raw | UnsetType = UNSET
    device: Raw = NULL
    component: list[PlainPart] | UnsetType = UNSET


class PlainEntry(Struct, gc=False):
    """An entry whose resource is decoded."""

    resource: PlainReading | None = None


class RawEntry(Struct, gc=False):
    """An entry whose parts stay bytes."""

    fullUrl: Raw = NULL  # noqa: N815
    resource: Raw = NULL
    search: Raw = NULL


class Link(Struct, gc=False):
    """A link of a Bundle."""

    relation: str = ""


class PlainBundle(Struct, gc=False):
    """A Bundle decoded in one pass; a single resource decodes into one without entries."""

    resourceType: str = ""  # noqa: N815
    total: int | None = None
    link: list[Link] = []
    entry: list[PlainEntry | None] = []


class RawBundle(Struct, gc=False):
    """The same with every resource left as bytes."""

    entry: list[RawEntry] = []


class Typed(Struct, gc=False):
    """Only what kind of resource it is."""

    resourceType: str = ""  # noqa: N815


class OddBundle(Struct, gc=False):
    """A Bundle of which nothing is believed."""

    resourceType: Raw = NULL  # noqa: N815
    total: Raw = NULL
    link: Raw = NULL
    entry: Raw = NULL


_plain_bundle = msgspec.json.Decoder(PlainBundle)
_raw_bundle = msgspec.json.Decoder(RawBundle)
_odd_bundle = msgspec.json.Decoder(OddBundle)
_typed = msgspec.json.Decoder(Typed)
_entry = msgspec.json.Decoder(RawEntry)
_raws = msgspec.json.Decoder(list[Raw])
_reading = msgspec.json.Decoder(PlainReading)
_json = msgspec.json.Decoder()


@dataclass(slots=True)
class Page:
    """One body. `readings` has one item per entry, None where the resource is not of the common shape.

    `other_kinds` holds the resource types of entries that are no Observations, by position: empty where the
    entry is no resource.
    """

    readings: Sequence[PlainReading | None]
    other_kinds: Mapping[int, str]
    load: Callable[[], Sequence[RawEntry]]
    total: int | None = None
    has_next: bool = False
    _entries: Sequence[RawEntry] | None = field(default=None)

    def kind(self, position: int) -> str:
        """The resource type of one entry."""
        return self.other_kinds.get(position, Kind.OBSERVATION)

    def resource(self, position: int) -> dict[str, Any] | None:
        """The resource of one entry as plain JSON; None where the entry holds no JSON object."""
        return _object(self._loaded()[position].resource)

    def full_url(self, position: int) -> str:
        """The fullUrl of one entry, empty where it has none."""
        url = _value(self._loaded()[position].fullUrl)
        return url if isinstance(url, str) else ""

    def is_empty(self, position: int) -> bool:
        """Whether the entry has no resource at all, as in the response to a transaction."""
        return self._loaded()[position].resource == NULL

    def is_included(self, position: int) -> bool:
        """Whether the entry came along with a match (`search.mode` include) and is none itself."""
        search = _object(self._loaded()[position].search)
        return search is not None and search.get("mode") == "include"

    def same_bytes(self, position: int, other: "Page", there: int) -> bool:
        """Whether two entries are one resource, byte for byte."""
        return self._loaded()[position].resource == other._loaded()[there].resource

    def _loaded(self) -> Sequence[RawEntry]:
        if self._entries is None:
            self._entries = self.load()
        return self._entries


def read_page(body: bytes | memoryview | Raw) -> Page:
    """A Bundle of any type, an array, NDJSON, or one resource."""
    content = body if isinstance(body, Raw) else bytes(body)
    try:
        return _read(content)
    except RecursionError as error:
        raise NotFhir("JSON is nested too deep") from error
    except UnicodeDecodeError as error:
        raise NotFhir("not UTF-8") from error
    except msgspec.DecodeError as error:
        return _ndjson(bytes(content), error)


def _read(content: bytes | Raw) -> Page:
    if memoryview(content)[:LONGEST_INDENT].tobytes().lstrip().startswith(b"["):
        return _of_raws(_raws.decode(content))
    try:
        bundle = _plain_bundle.decode(content)
    except msgspec.ValidationError:
        return _with_odd_entries(content)
    if bundle.resourceType != "Bundle":
        return _single(content, bundle.resourceType)
    readings = [entry.resource if entry is not None else None for entry in bundle.entry]
    others = _not_plain(readings)
    raws = _entries_of(content) if others else None
    return Page(
        readings=readings,
        other_kinds=_other_kinds(others, raws or []),
        load=lambda: raws or _entries_of(content),
        total=bundle.total,
        has_next=any(link.relation == "next" for link in bundle.link),
    )


def _not_plain(readings: Sequence[PlainReading | None]) -> list[int]:
    """Positions of entries that are not known to be Observations."""
    known = Kind.OBSERVATION
    return [p for p, reading in enumerate(readings) if reading is None or reading.resourceType is not known]


def _other_kinds(positions: Iterable[int], entries: Sequence[RawEntry]) -> dict[int, str]:
    """The types of the entries at these positions, as far as they are no Observations."""
    kinds = {position: _kind(entries[position].resource) for position in positions}
    return {position: kind for position, kind in kinds.items() if kind != Kind.OBSERVATION}


def _entries_of(content: bytes | Raw) -> list[RawEntry]:
    """The entries of a Bundle as bytes, whatever they are."""
    try:
        return _raw_bundle.decode(content).entry
    except msgspec.ValidationError:
        return [_raw_entry(raw) for raw in _decoded(_raws, _odd_bundle.decode(content).entry) or []]


def _single(content: bytes | Raw, kind: object) -> Page:
    if not isinstance(kind, str) or not kind:
        raise NotFhir("an object without resourceType")
    return _of_raws([Raw(bytes(content))])


def _with_odd_entries(content: bytes | Raw) -> Page:
    """A body with a member of an unexpected type somewhere: each entry is decoded for itself."""
    try:
        whole = _odd_bundle.decode(content)
    except msgspec.ValidationError as error:
        raise NotFhir("neither an object nor an array of objects") from error
    kind = _value(whole.resourceType)
    if kind != "Bundle":
        return _single(content, kind)
    entries = _entries_of(content)
    readings = [_plain(entry.resource) for entry in entries]
    total, links = _value(whole.total), _value(whole.link)
    return Page(
        readings=readings,
        other_kinds=_other_kinds(_not_plain(readings), entries),
        load=lambda: entries,
        total=total if isinstance(total, int) else None,
        has_next=any(text(link, "relation") == "next" for link in objects(links)),
    )


def _raw_entry(raw: Raw) -> RawEntry:
    """The parts of one entry; an entry that is no object stands as its own, unusable, resource."""
    return _decoded(_entry, raw) or RawEntry(resource=raw)


def _of_raws(raws: Sequence[Raw]) -> Page:
    entries = [RawEntry(resource=raw) for raw in raws]
    readings = [_plain(raw) for raw in raws]
    return Page(readings, _other_kinds(_not_plain(readings), entries), load=lambda: entries)


def _ndjson(content: bytes, error: msgspec.DecodeError) -> Page:
    """A body of one resource a line. A line that is no JSON stays in the page, as an entry without object."""
    lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) < 2 or not any(_object(Raw(line)) for line in lines):
        raise NotFhir(str(error)) from error
    return _of_raws([Raw(line) for line in lines])


def _plain(raw: Raw) -> PlainReading | None:
    """The fast form of one resource, None where its shape is not the common one."""
    return _decoded(_reading, raw)


def _kind(raw: Raw) -> str:
    typed = _decoded(_typed, raw)
    return typed.resourceType if typed is not None else ""


def _object(raw: Raw) -> dict[str, Any] | None:
    whole = _value(raw)
    return whole if isinstance(whole, dict) else None


def _value(raw: Raw) -> object:
    return _decoded(_json, raw)


def _decoded(decoder: "msgspec.json.Decoder[Decoded]", raw: Raw) -> Decoded | None:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
