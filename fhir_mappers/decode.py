"""Bytes to entries: any envelope of FHIR JSON, decoded once, one bad entry never costing the others.

Sits at the edge of the mappers. The common shape of an Observation is decoded straight into `PlainReading`;
every entry can also be had as plain JSON. Callers bound size and depth before; what still is no FHIR JSON
is `NotFhir`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

Decoded = TypeVar("Decoded")

LONGEST_INDENT: Final = 64
"""White space looked through for the first character of a body."""


class NotFhir(ValueError):
    """The bytes are not FHIR JSON: malformed, nested too deep, in another encoding, or something else."""


class Pointer(Struct, gc=False):
    """A reference to another resource."""

    reference: str = ""


class Amount(Struct, gc=False):
    """A Quantity with a JSON number; `comparator` only tells whether there is one."""

    value: float | None = None
    unit: str = ""
    code: str = ""
    comparator: Raw | UnsetType = UNSET


class Meta(Struct, gc=False):
    """What of `meta` decides between versions, and whether labels need a closer look."""

    lastUpdated: str = ""  # noqa: N815
    source: str = ""
    security: Raw | UnsetType = UNSET


class PlainReading(Struct, gc=False):
    """The members of an Observation that the fast path reads, and those whose presence forbids it.

    Other resources decode into it too as long as no member clashes; `resourceType` tells.
    """

    resourceType: str = ""  # noqa: N815
    id: str = ""
    status: str = ""
    code: Raw = Raw(b"null")
    subject: Pointer | None = None
    effectiveDateTime: str = ""  # noqa: N815
    valueQuantity: Amount | None = None  # noqa: N815
    device: Raw = Raw(b"null")
    meta: Meta | None = None
    component: Raw | UnsetType = UNSET
    interpretation: Raw | UnsetType = UNSET
    dataAbsentReason: Raw | UnsetType = UNSET  # noqa: N815
    valueSampledData: Raw | UnsetType = UNSET  # noqa: N815
    modifierExtension: Raw | UnsetType = UNSET  # noqa: N815


class PlainEntry(Struct, gc=False):
    """An entry whose resource is decoded."""

    fullUrl: str = ""  # noqa: N815
    resource: PlainReading | None = None


class RawEntry(Struct, gc=False):
    """An entry whose resource stays bytes."""

    fullUrl: str = ""  # noqa: N815
    resource: Raw | None = None


class Link(Struct, gc=False):
    """A link of a Bundle."""

    relation: str = ""


class PlainBundle(Struct, gc=False):
    """A Bundle decoded in one pass; a single resource decodes into one without entries."""

    resourceType: str = ""  # noqa: N815
    total: int | None = None
    link: list[Link] = []
    entry: list[PlainEntry] = []


class RawBundle(Struct, gc=False):
    """The same with every resource left as bytes."""

    entry: list[RawEntry] = []


_plain_bundle = msgspec.json.Decoder(PlainBundle)
_raw_bundle = msgspec.json.Decoder(RawBundle)
_raws = msgspec.json.Decoder(list[Raw])
_reading = msgspec.json.Decoder(PlainReading)
_json = msgspec.json.Decoder()


@dataclass(slots=True)
class Page:
    """One body. `readings` and `full_urls` run along its entries; a reading is None where it is not plain."""

    readings: Sequence[PlainReading | None]
    full_urls: Sequence[str]
    load_resources: Callable[[], Sequence[object]]
    total: int | None = None
    has_next: bool = False
    _resources: Sequence[object] | None = field(default=None)

    def resource(self, position: int) -> dict[str, Any] | None:
        """The resource of one entry as plain JSON; None where the entry holds no JSON object."""
        return _object(self._loaded()[position])

    def same_bytes(self, position: int, other: "Page", there: int) -> bool:
        """Whether two entries are one resource, byte for byte."""
        here, elsewhere = self._loaded()[position], other._loaded()[there]
        return isinstance(here, Raw) and isinstance(elsewhere, Raw) and here == elsewhere

    def _loaded(self) -> Sequence[object]:
        if self._resources is None:
            self._resources = self.load_resources()
        return self._resources


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
    return Page(
        readings=[entry.resource for entry in bundle.entry],
        full_urls=[entry.fullUrl for entry in bundle.entry],
        load_resources=lambda: [entry.resource for entry in _raw_bundle.decode(content).entry],
        total=bundle.total,
        has_next=any(link.relation == "next" for link in bundle.link),
    )


def _single(content: bytes | Raw, kind: object) -> Page:
    if not isinstance(kind, str) or not kind:
        raise NotFhir("an object without resourceType")
    return _of_raws([Raw(bytes(content))])


def _with_odd_entries(content: bytes | Raw) -> Page:
    """A body with a member of an unexpected type somewhere: each entry is decoded for itself."""
    whole = _json.decode(content)
    if not isinstance(whole, dict):
        raise NotFhir("neither an object nor an array of objects")
    if whole.get("resourceType") != "Bundle":
        return _single(content, whole.get("resourceType"))
    total, links, entries = whole.get("total"), whole.get("link"), whole.get("entry")
    try:
        raws: Sequence[object] = [entry.resource for entry in _raw_bundle.decode(content).entry]
    except msgspec.ValidationError:
        raws = [e.get("resource") if isinstance(e, dict) else e for e in _list(entries)]
    urls = [e.get("fullUrl") if isinstance(e, dict) else "" for e in _list(entries)]
    return Page(
        readings=[_plain(raw) for raw in raws],
        full_urls=[url if isinstance(url, str) else "" for url in urls],
        load_resources=lambda: raws,
        total=total if isinstance(total, int) else None,
        has_next=any(isinstance(link, dict) and link.get("relation") == "next" for link in _list(links)),
    )


def _of_raws(raws: Sequence[Raw]) -> Page:
    return Page([_plain(raw) for raw in raws], [""] * len(raws), lambda: raws)


def _ndjson(content: bytes, error: msgspec.DecodeError) -> Page:
    """A body of one resource a line. A line that is no JSON stays in the page, as an entry without object."""
    lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) < 2 or not any(_object(Raw(line)) for line in lines):
        raise NotFhir(str(error)) from error
    return _of_raws([Raw(line) for line in lines])


def _plain(raw: object) -> PlainReading | None:
    """The fast form of one resource, None where its shape is not the common one."""
    return _decoded(_reading, raw) if isinstance(raw, Raw) else None


def _object(raw: object) -> dict[str, Any] | None:
    whole = _decoded(_json, raw) if isinstance(raw, Raw) else raw
    return whole if isinstance(whole, dict) else None


def _decoded(decoder: "msgspec.json.Decoder[Decoded]", raw: Raw) -> Decoded | None:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
