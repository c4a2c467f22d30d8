"""Sorts the entries of a page: plain readings into groups of one look, and what somebody must look at.

Sits between `plain_json` and `plain_columns`. The first half of the fast path; it needs to know nothing of
the patient, so it runs while the bytes are still warm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from msgspec import UNSET, Raw

from fhir_mappers.decode import NULL, NotFhir, Page, as_utf8, read_page
from fhir_mappers.element import MOST_COMPONENTS
from fhir_mappers.entry_cuts import cut_bundle
from fhir_mappers.plain_json import (
    Amount,
    Kind,
    PlainPart,
    PlainReading,
    Status,
    kind_of,
    readings_of,
)


class PartLook(NamedTuple):
    """The code of a component (nothing for the reading itself), its unit as sent, and its comparator."""

    concept: bytes
    unit: str
    unit_code: str
    comparator: str | None


class Look(NamedTuple):
    """Everything of a reading but its values, time and id; members that are JSON as bytes as they came."""

    status: str
    concept: bytes
    device: bytes
    subject: bytes
    sender: str
    parts: tuple[PartLook, ...]
    is_panel: bool


@dataclass(slots=True)
class Group:
    """The readings of one page and look: positions in the page, times, and values of all parts in turn."""

    look: Look
    positions: list[int] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def without(self, positions: set[int]) -> "Group":
        """The same without the readings at some positions."""
        width = len(self.look.parts)
        rest = [number for number, position in enumerate(self.positions) if position not in positions]
        return Group(
            self.look,
            [self.positions[number] for number in rest],
            [self.times[number] for number in rest],
            [value for number in rest for value in self.values[number * width : (number + 1) * width]],
        )


@dataclass(slots=True)
class Sorted:
    """The entries of one page: ids, plain readings by look, odd Observations, and the types of all others."""

    page: Page
    ids: list[str] = field(default_factory=list)
    groups: dict[Look, Group] = field(default_factory=dict)
    odd: list[int] = field(default_factory=list)
    other_kinds: dict[int, str] = field(default_factory=dict)

    def group(self, look: Look) -> Group:
        """The group of a look."""
        found = self.groups.get(look)
        if found is None:
            found = self.groups[look] = Group(look)
        return found

    def kind(self, position: int) -> str:
        """The resource type of one entry, empty where it is none."""
        return self.other_kinds.get(position, Kind.OBSERVATION)

    def observations(self) -> list[int]:
        """Positions of all Observations."""
        return sorted([*self.odd, *(p for group in self.groups.values() for p in group.positions)])

    def leave_out(self, positions: Iterable[int]) -> None:
        """Forgets Observations, which another version replaces."""
        gone = set(positions)
        rest = {look: group.without(gone) for look, group in self.groups.items()}
        self.groups = {look: group for look, group in rest.items() if group.positions}
        self.odd = [position for position in self.odd if position not in gone]


def sort_page(body: bytes | memoryview | Raw) -> Sorted:
    """All entries of a body, sorted. Raises NotFhir where it is no FHIR JSON."""
    content = as_utf8(body)
    guessed = cut_bundle(content)
    found = sort_pieces(guessed) if guessed is not None else None
    if found is None:
        found = sort_pieces(read_page(content))
    if found is None:
        raise NotFhir("malformed JSON")
    return found


def sort_pieces(page: Page) -> Sorted | None:
    """All entries of a page, sorted; None where a piece turns out to be cut in the wrong place."""
    found, first = Sorted(page), 0
    for piece in page.pieces:
        readings = readings_of(piece, page.wrapped)
        if readings is None:
            return None
        found.ids += [reading.id if reading is not None else "" for reading in readings]
        _sort_piece(readings, first, found)
        first += len(readings)
    return found


def _sort_piece(readings: Sequence[PlainReading | None], first: int, found: Sorted) -> None:
    """Sorts some entries, of which the first stands at position `first`.

    A stream repeats its look, so each reading is first compared with the one before. The comparisons
    stand in the loop, without calls, because it runs once per reading of every request.
    """
    odd, observation = found.odd, Kind.OBSERVATION
    group: Group | None = None
    status, source = Status.OTHER, ""
    unit: str | None = None
    code: str | None = None
    comparator: str | None = None
    concept = device = subject = NULL
    for position, observed in enumerate(readings, first):
        if observed is None or observed.resourceType is not observation:
            _sort_other(position, found)
            continue
        if (
            observed.modifierExtension is not UNSET
            or observed.valueSampledData is not UNSET
            or observed.dataAbsentReason is not UNSET
            or observed.interpretation is not UNSET
            or observed.focus is not UNSET
            or ((meta := observed.meta) is not None and meta.security is not UNSET)
        ):
            odd.append(position)
            continue
        amount = observed.valueQuantity
        if amount is None or observed.component is not UNSET:
            _sort_panel(observed, position, found)
            continue
        value, sender = amount.value, meta.source if meta is not None else ""
        if value.__class__ is not float:
            odd.append(position)
            continue
        if (
            group is None
            or observed.status is not status
            or observed.code != concept
            or observed.subject != subject
            or amount.unit != unit
            or amount.code != code
            or amount.comparator != comparator
            or observed.device != device
            or sender != source
        ):
            status, source = observed.status, sender
            unit, code, comparator = amount.unit, amount.code, amount.comparator
            concept, subject, device = observed.code, observed.subject, observed.device
            group = found.group(_look(observed, (_part_look(b"", amount),), is_panel=False))
        group.positions.append(position)
        group.times.append(observed.effectiveDateTime)
        group.values.append(value)


def _sort_other(position: int, found: Sorted) -> None:
    """Sorts an entry that is no Observation, or one that is but not of the common shape."""
    kind = kind_of(found.page.resource_bytes(position))
    if kind == Kind.OBSERVATION:
        found.odd.append(position)
    else:
        found.other_kinds[position] = kind


def _sort_panel(observed: PlainReading, position: int, found: Sorted) -> None:
    """Sorts a reading whose values are all in its components."""
    parts = observed.component if observed.component is not UNSET else []
    values = [_plain_value(part) for part in parts[: MOST_COMPONENTS + 1]]
    if len(values) > MOST_COMPONENTS or observed.valueQuantity is not None or not values or None in values:
        found.odd.append(position)
        return
    looks = [_part_look(bytes(p.code), p.valueQuantity) for p in parts if p.valueQuantity is not None]
    group = found.group(_look(observed, tuple(looks), is_panel=True))
    group.positions.append(position)
    group.times.append(observed.effectiveDateTime)
    group.values.extend(values)


def _look(observed: PlainReading, parts: tuple[PartLook, ...], *, is_panel: bool) -> Look:
    """All of a reading but its values, time and id."""
    sender = observed.meta.source if observed.meta is not None else ""
    members = (bytes(observed.code), bytes(observed.device), bytes(observed.subject))
    return Look(observed.status, *members, sender, parts, is_panel)


def _part_look(concept: bytes, amount: Amount) -> PartLook:
    return PartLook(concept, amount.unit or "", amount.code or "", amount.comparator)


def _plain_value(part: PlainPart) -> float | None:
    """The number of a component that is a Quantity and nothing else."""
    amount = part.valueQuantity
    more = (part.dataAbsentReason, part.interpretation, part.valueSampledData, part.modifierExtension)
    if amount is None or any(member is not UNSET for member in more):
        return None
    return amount.value if isinstance(amount.value, float) else None
