"""What a decision was made from, in the form in which it is kept beside the decision.

Between `given_answers`, which keeps it, and `decided_again`, which reads it. Circumstances name no patient;
the input itself is kept only for tenants that ask for it.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from fhir_mappers.site import Site
from hooks.protocol import Context
from hooks.service import Practice
from hooks.strict_json import decode
from models.patient_record import Completeness

_encoder: Final = msgspec.json.Encoder(decimal_format="number")

QUICK: Final = 1
"""The level of compression: 4 MB of readings in some 20 ms, to a twentieth."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an answer depends on beside its input, the models and the moment.

    `shown_ms`: when the finding of a card was last shown whole, by the card's id, for cards that were folded.
    """

    practice: Practice
    site: Site
    completeness: Mapping[str, Completeness]
    shown_ms: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text that is kept."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> "Circumstances":
        """The circumstances of a text. Raises msgspec.DecodeError where it was written otherwise."""
        return msgspec.json.decode(text, type=cls)


@dataclass(frozen=True, slots=True)
class Input:
    """The context of a call and every body that was read, by prefetch key."""

    context: Context
    pages: Mapping[str, Sequence[bytes]]

    def pack(self) -> bytes:
        """Small enough to be kept; holds everything about a patient, so it is kept encrypted."""
        context = _encoder.encode(self.context)
        return zlib.compress(msgspec.msgpack.encode((context, self.pages)), QUICK)


def unpack(packed: bytes) -> Input:
    """The input of `Input.pack`."""
    context, pages = msgspec.msgpack.decode(
        zlib.decompress(packed), type=tuple[bytes, dict[str, list[bytes]]]
    )
    return Input(_context(decode(context)), pages)


def _context(members: dict[str, Any]) -> Context:
    lists = {name: tuple(value) for name, value in members.items() if isinstance(value, list)}
    return Context(**(members | lists))
