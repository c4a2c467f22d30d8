"""Groups of plain readings to columns: the second half of the fast path.

Sits beside `observation`, which it never contradicts: whatever turns out not to be exactly a plain reading
of a learned shape joins the odd ones of its page, and those are left to `observation`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fhir_mappers.columns import Books, Columns
from fhir_mappers.entries import Entries
from fhir_mappers.instants import parse_instants
from fhir_mappers.observed_time import FUTURE_TOLERANCE_MS, YEAR_2000_MS
from fhir_mappers.plain_shapes import PartShape, Shape, Shapes
from models.time_series import UNKNOWN_OFFSET


class Times(NamedTuple):
    """Instants and local offsets of the readings of one group."""

    at_ms: NDArray[np.int64]
    offset_min: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Filled:
    """Columns of all groups, and where their references come from; positions left to `observation` by page.

    An origin is the number of the first reference, the entries of the page, and their positions.
    """

    columns: list[Columns]
    origins: list[tuple[int, Entries, list[int]]]
    odd: list[list[int]]


def fill(pages: Sequence[Entries], shapes: Shapes, books: Books) -> Filled:
    """All groups of all pages as columns."""
    filled = Filled([], [], [list(page.sorted.odd) for page in pages])
    groups = [(number, group) for number, page in enumerate(pages) for group in page.sorted.groups.values()]
    at_ms, offset, good = parse_instants([time for _, group in groups for time in group.times])
    latest = shapes.reading.as_of_ms + FUTURE_TOLERANCE_MS
    good &= (at_ms >= YEAR_2000_MS) & (at_ms <= latest)
    start = 0
    for page, group in shapes.reading.pace.over(groups):
        here = slice(start, start := start + len(group.positions))
        shape, positions = shapes.of(group.look), group.positions
        if shape is None:
            filled.odd[page] += positions
            continue
        values = np.array(group.values, np.float64).reshape(len(positions), -1)
        times, plain = Times(at_ms[here], offset[here]), good[here] & _in_range(values, shape)
        if not plain.all():
            values, times = values[plain], Times(times.at_ms[plain], times.offset_min[plain])
            left = np.array(positions)[~plain].tolist()
            filled.odd[page] += left
            positions = np.array(positions)[plain].tolist()
        first, names = len(books.references), pages[page].names
        filled.columns.extend(
            _columns(part, values[:, number], times, first, books) for number, part in enumerate(shape.parts)
        )
        books.references.plain_ids += [names[position] for position in positions]
        filled.origins.append((first, pages[page], positions))
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
