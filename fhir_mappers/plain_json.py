"""The members of an Observation that the fast path reads, decoded from bytes some hundred at a time.

Sits between `decode` and `plain_readings`. Decoding in chunks keeps the working set in the processor's
cache: time stays linear in the size of a body, and a member of the wrong type spoils one chunk, not all.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from fhir_mappers.decode import NULL, Page, decoded

CHUNK: Final = 128
"""Observations decoded at once: some 120 kB of JSON and as much of Python objects."""


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
    """A Quantity. Its value may be of any type, so that one wrong value does not spoil the chunk it came in;
    JSON numbers become floats.
    """

    value: float | str | bool | list[Any] | dict[str, Any] | None = None
    unit: str | None = ""
    code: str | None = ""
    comparator: str | None = None


class Meta(Struct, gc=False):
    """Who sent it, and whether labels need a closer look."""

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


class Typed(Struct, gc=False):
    """Only what kind of resource it is."""

    resourceType: str = ""  # noqa: N815


class PlainEntry(Struct, gc=False):
    """An entry of a Bundle whose resource is decoded."""

    resource: PlainReading | None = None


_readings = msgspec.json.Decoder(list[PlainReading])
_entries = msgspec.json.Decoder(list[PlainEntry])
_reading = msgspec.json.Decoder(PlainReading)
_typed = msgspec.json.Decoder(Typed)


def readings_in_chunks(page: Page) -> Iterator[Sequence[PlainReading | None]]:
    """All resources of a page in order, some at a time; None for one that is not of the common shape."""
    for start in range(0, len(page), CHUNK):
        items = page.items[start : start + CHUNK]
        positions = range(start, start + len(items))
        yield _readings_of(items, page.wrapped) or [_reading_at(page, position) for position in positions]


def _readings_of(items: Sequence[Raw], wrapped: bool) -> Sequence[PlainReading | None] | None:
    """All items at once, or None where the type of some member spoils that."""
    array = b"[" + b",".join(items) + b"]"
    if not wrapped:
        return decoded(_readings, array)
    entries = decoded(_entries, array)
    return None if entries is None else [entry.resource for entry in entries]


def _reading_at(page: Page, position: int) -> PlainReading | None:
    return decoded(_reading, page.resource_bytes(position))


def kind_of(resource: Raw) -> str:
    """The type of a resource, empty where it has none."""
    typed = decoded(_typed, resource)
    return typed.resourceType if typed is not None else ""
