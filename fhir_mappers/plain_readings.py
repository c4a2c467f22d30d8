"""The fast path: Observations of a common shape, all pages at a time, straight into columns.

Sits beside `observation`, which it never contradicts: whatever is not exactly a plain reading of a learned
shape is left to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from msgspec import UNSET, Raw
from numpy.typing import NDArray

from fhir_mappers.columns import Books, Columns
from fhir_mappers.decode import Amount, PlainPart, PlainReading, Status
from fhir_mappers.entries import Entries
from fhir_mappers.instants import parse_instants
from fhir_mappers.observed_time import FUTURE_TOLERANCE_MS, YEAR_2000_MS
from fhir_mappers.plain_shapes import Look, PartLook, PartShape, Shape, Shapes
from models.time_series import UNKNOWN_OFFSET


@dataclass(slots=True)
class Group:
    """The readings of one page and shape: positions in the page, times, and values of all parts in turn."""

    entries: Entries
    shape: Shape
    positions: list[int] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class Collected:
    """Groups by shape of one page, and the positions of entries that are no plain readings."""

    entries: Entries
    groups: dict[int, Group] = field(default_factory=dict)
    odd: list[int] = field(default_factory=list)

    def group(self, shape: Shape) -> Group:
        """The group of a shape."""
        return self.groups.setdefault(shape.number, Group(self.entries, shape))


def collect(entries: Entries, wanted: Sequence[int], shapes: Shapes) -> Collected:
    """Sorts the wanted entries of a page into groups of plain readings, and others.

    A stream repeats its shape, so each reading is first compared with the one before. The comparisons
    stand in the loop, without calls, because it runs once per reading of every request.
    """
    collected = Collected(entries)
    readings, odd = entries.page.readings, collected.odd
    group: Group | None = None
    status, source = Status.OTHER, ""
    unit: str | None = None
    code: str | None = None
    comparator: str | None = None
    concept = device = subject = Raw(b"")
    for position in wanted:
        observed = readings[position]
        if (
            observed is None
            or observed.modifierExtension is not UNSET
            or observed.valueSampledData is not UNSET
            or observed.dataAbsentReason is not UNSET
            or observed.interpretation is not UNSET
            or ((meta := observed.meta) is not None and meta.security is not UNSET)
        ):
            odd.append(position)
            continue
        amount = observed.valueQuantity
        if amount is None or observed.component is not UNSET:
            _collect_panel(observed, position, collected, shapes)
            continue
        value, sender = amount.value, meta.source if meta is not None else ""
        if value.__class__ is not float:
            odd.append(position)
            continue
        if (
            observed.status is not status
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
            shape = shapes.of(_look(observed, (_part_look(b"", amount),), is_panel=False))
            group = collected.group(shape) if shape is not None else None
        if group is None:
            odd.append(position)
        else:
            group.positions.append(position)
            group.times.append(observed.effectiveDateTime)
            group.values.append(value)
    return collected


def _collect_panel(observed: PlainReading, position: int, collected: Collected, shapes: Shapes) -> None:
    """Sorts a reading whose values are all in its components."""
    parts = observed.component if observed.component is not UNSET else []
    values = [_plain_value(part) for part in parts]
    plain = [value for value in values if value is not None]
    shape = None
    if observed.valueQuantity is None and plain and len(plain) == len(values):
        looks = [_part_look(bytes(p.code), p.valueQuantity) for p in parts if p.valueQuantity is not None]
        shape = shapes.of(_look(observed, tuple(looks), is_panel=True))
    if shape is None:
        collected.odd.append(position)
        return
    group = collected.group(shape)
    group.positions.append(position)
    group.times.append(observed.effectiveDateTime)
    group.values.extend(plain)


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


class Times(NamedTuple):
    """Instants and local offsets of the readings of one group."""

    at_ms: NDArray[np.int64]
    offset_min: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Filled:
    """Columns of all groups, and which page and positions the references of a group come from.

    An origin is the number of the first reference, the entries of the page, and their positions.
    """

    columns: list[Columns]
    origins: list[tuple[int, Entries, list[int]]]


def fill(pages: Sequence[Collected], books: Books, as_of_ms: int) -> Filled:
    """All groups as columns. Readings whose time or value turns out not to be plain join the odd ones."""
    groups = [(page, group) for page in pages for group in page.groups.values()]
    at_ms, offset, good = parse_instants([time for _, group in groups for time in group.times])
    good &= (at_ms >= YEAR_2000_MS) & (at_ms <= as_of_ms + FUTURE_TOLERANCE_MS)
    filled, start = Filled([], []), 0
    for page, group in groups:
        here = slice(start, start := start + len(group.positions))
        values = np.array(group.values, np.float64).reshape(len(group.positions), -1)
        plain = good[here] & _in_range(values, group.shape)
        times, taken = Times(at_ms[here], offset[here]), group.positions
        if not plain.all():
            values, times = values[plain], Times(times.at_ms[plain], times.offset_min[plain])
            taken = [position for position, good_one in zip(taken, plain.tolist(), strict=True) if good_one]
            page.odd.extend(set(group.positions).difference(taken))
        first = len(books.references)
        for number, part in enumerate(group.shape.parts):
            filled.columns.append(_columns(part, values[:, number], times, first, books))
        books.references.plain_ids += [page.entries.names[position] for position in taken]
        filled.origins.append((first, page.entries, taken))
    return filled


def _in_range(values: NDArray[np.float64], shape: Shape) -> NDArray[np.bool_]:
    """Which readings have only plain values, and no blood pressure upside down."""
    good = np.ones(len(values), np.bool_)
    for number, part in enumerate(shape.parts):
        good &= (values[:, number] >= part.low) & (values[:, number] <= part.high)
    if shape.above is not None:
        upper, lower = (shape.parts[i].change(values[:, i]) for i in shape.above)
        good &= upper > lower
    return good


def _columns(
    part: PartShape, values: NDArray[np.float64], times: Times, first_reference: int, books: Books
) -> Columns:
    """The columns of one value of a shape: the sample's row for each number and time."""
    rows, sample = len(values), part.sample
    hidden, local = (books.flag_sets.position(flags) for flags in (sample.flags, part.flags_local))
    return Columns(
        signal=sample.signal, unit=sample.unit, at_ms=times.at_ms, until_ms=times.at_ms,
        value=part.change(values), native_value=values,
        native_unit=np.full(rows, books.units.position(sample.native_unit), np.int16),
        censored=np.full(rows, sample.censored, np.int8),
        source=np.full(rows, books.sources.position(sample.source), np.int16),
        reference=np.arange(first_reference, first_reference + rows, dtype=np.int32),
        flags=np.where(times.offset_min == UNKNOWN_OFFSET, hidden, local).astype(np.int16),
        offset_min=times.offset_min,
    )  # fmt: skip
