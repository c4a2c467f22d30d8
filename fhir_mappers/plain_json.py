"""The members of an Observation that the fast path reads, decoded from bytes some hundred at a time.

Sits between `decode` and `plain_readings`. Decoding piece by piece keeps the working set in the processor's
cache: time stays linear in the size of a body, and a member of the wrong type spoils one piece, not all.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from fhir_mappers.decode import NULL, Piece, decoded


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
    """A Quantity. Its value may be of any type, so that one wrong value does not spoil the piece it came in;
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
    in FHIR's own order, in which servers send them: the decoder then finds each at once;
    a rare one is last.
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
    focus: Raw | UnsetType = UNSET


class Typed(Struct, gc=False):
    """Only what kind of resource it is."""

    resourceType: str = ""  # noqa: N815


class PlainEntry(Struct, gc=False):
    """An entry of a Bundle whose resource is decoded."""

    resource: PlainReading | None = None


_readings = msgspec.json.Decoder(list[PlainReading])
_entries = msgspec.json.Decoder(list[PlainEntry])
_reading = msgspec.json.Decoder(PlainReading)
_entry = msgspec.json.Decoder(PlainEntry)
_typed = msgspec.json.Decoder(Typed)


def readings_of(piece: Piece, wrapped: bool) -> Sequence[PlainReading | None] | None:
    """The resources of a piece in order, None for each that is not of the common shape.

    No list at all where the text of the piece is no JSON array.
    """
    readings: Sequence[PlainReading | None] | None
    if wrapped:
        entries = decoded(_entries, piece.array)
        readings = None if entries is None else [entry.resource for entry in entries]
    else:
        readings = decoded(_readings, piece.array)
    if readings is None and (items := piece.items()) is not None:
        readings = [_reading_of(item, wrapped) for item in items]
    if readings is not None:
        piece.size = len(readings)
    return readings


def _reading_of(item: Raw, wrapped: bool) -> PlainReading | None:
    entry = decoded(_entry, item) if wrapped else None
    return decoded(_reading, item) if not wrapped else entry.resource if entry is not None else None


def kind_of(resource: Raw) -> str:
    """The type of a resource, empty where it has none."""
    typed = decoded(_typed, resource)
    return typed.resourceType if typed is not None else ""
