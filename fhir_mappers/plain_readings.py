"""The fast path: Observations of the common shape, a page at a time, straight into columns.

Sits beside `observation`, which it never contradicts: each distinct shape (code, unit, status, subject,
device) is mapped once by `observation` with a value and time put in, and its other readings differ from
that sample only by a linear change of unit. Whatever is not exactly that is left to `observation`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, Raw
from numpy.typing import NDArray

from fhir_mappers.codes import Coded, resolve_code
from fhir_mappers.columns import Books, Columns
from fhir_mappers.decode import Page
from fhir_mappers.element import source_of
from fhir_mappers.instants import parse_instants
from fhir_mappers.measured_part import AXILLARY
from fhir_mappers.observation import as_meant, map_observation
from fhir_mappers.observed_time import FUTURE_TOLERANCE_MS, YEAR_2000_MS, Reading
from fhir_mappers.quantity import plain_range
from fhir_mappers.row import Drop, Row
from fhir_mappers.unit_conversion import Linear, Unit, conversion, find_unit, possible_units
from models.time_series import UNKNOWN_OFFSET

PROBE_UTC: Final = "2000-01-02T00:00:00Z"
PROBE_LOCAL: Final = "2000-01-02T00:00:00+01:00"
"""Times to try a shape with: one that hides the local hour and one that tells it."""

LEAST_PROBE: Final = -1e6
"""A value to try a shape with that has no lower limit."""


class Look(NamedTuple):
    """What distinguishes the shapes of readings; concept and device as the bytes in which they came."""

    status: str
    concept: bytes
    unit: str
    unit_code: str
    device: bytes
    subject: str
    sender: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What all readings of one shape share: their row but for value and time, and the range of plain values.

    `flags_local` are the flags of a reading whose time has an offset, `sample.flags` those of one without.
    """

    number: int
    sample: Row
    flags_local: frozenset[str]
    change: Linear
    low: float
    high: float


@dataclass(slots=True)
class Shapes:
    """The shapes met so far. None stands for a look that is not plain."""

    reading: Reading
    known: dict[Look, Shape | None] = field(default_factory=dict)

    def of(self, look: Look) -> Shape | None:
        """The shape of a reading, learned when it is new."""
        if look not in self.known:
            self.known[look] = self._learn(look)
        return self.known[look]

    def _learn(self, look: Look) -> Shape | None:
        """Maps a reading of this look, with a value in the plain range, without and with a local offset."""
        probe = _as_resource(look)
        coded = resolve_code(probe["code"], self.reading.site, possible_units(probe["valueQuantity"]))
        if not isinstance(coded, Coded) or coded.row.unit in ("", "code") or coded.row.code == AXILLARY:
            return None
        row = as_meant(coded.row, probe["code"], source_of(probe["device"], look.sender))
        unit = find_unit(probe["valueQuantity"], row, self.reading.site)
        span = plain_range(row, unit.ucum) if isinstance(unit, Unit) else None
        if span is None:
            return None
        probe["valueQuantity"]["value"] = max(span[0], LEAST_PROBE)
        hidden, local = (
            map_observation(probe | {"effectiveDateTime": time}, "", self.reading)
            for time in (PROBE_UTC, PROBE_LOCAL)
        )
        if isinstance(hidden, Drop) or isinstance(local, Drop):
            return None
        change = conversion(hidden[0].native_unit, hidden[0].unit, hidden[0].signal)
        return Shape(len(self.known), hidden[0], local[0].flags, change, *span) if change else None


def _as_resource(look: Look) -> dict[str, Any]:
    """The plain JSON of this look, without value and time."""
    return {
        "resourceType": "Observation",
        "status": look.status,
        "code": msgspec.json.decode(look.concept),
        "subject": {"reference": look.subject},
        "device": msgspec.json.decode(look.device),
        "meta": {"source": look.sender},
        "valueQuantity": {"unit": look.unit, "code": look.unit_code},
    }


@dataclass(slots=True)
class Batch:
    """Readings of one page in runs of one shape: `(number of the first reading, shape)`."""

    positions: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    runs: list[tuple[int, Shape]] = field(default_factory=list)


def collect(page: Page, wanted: Sequence[int], shapes: Shapes) -> tuple[Batch, list[int]]:
    """The plain readings among the wanted entries of a page, and the positions of the others.

    A stream repeats its shape, so each reading is first compared with the one before: comparisons stand
    in the loop, without calls, because this loop runs once per reading of a request.
    """
    batch, odd = Batch(), list[int]()
    readings, positions, values, times = page.readings, batch.positions, batch.values, batch.times
    shape: Shape | None = None
    status = unit = code = subject = source = ""
    concept = device = Raw(b"")
    for position in wanted:
        observed = readings[position]
        if (
            observed is None
            or (amount := observed.valueQuantity) is None
            or (about := observed.subject) is None
            or amount.value is None
            or amount.comparator is not UNSET
            or observed.component is not UNSET
            or observed.interpretation is not UNSET
            or observed.dataAbsentReason is not UNSET
            or observed.valueSampledData is not UNSET
            or observed.modifierExtension is not UNSET
            or ((meta := observed.meta) is not None and meta.security is not UNSET)
        ):
            odd.append(position)
            continue
        sender = meta.source if meta is not None else ""
        if (
            observed.code != concept
            or amount.code != code
            or amount.unit != unit
            or observed.status != status
            or about.reference != subject
            or observed.device != device
            or sender != source
        ):
            status, unit, code = observed.status, amount.unit, amount.code
            subject, source = about.reference, sender
            concept, device = observed.code, observed.device
            shape = shapes.of(Look(status, bytes(concept), unit, code, bytes(device), subject, source))
            if shape is not None:
                batch.runs.append((len(positions), shape))
        if shape is None:
            odd.append(position)
        else:
            positions.append(position)
            values.append(amount.value)
            times.append(observed.effectiveDateTime)
    return batch, odd


@dataclass(frozen=True, slots=True)
class Filled:
    """Columns of a batch, one per shape; positions taken, in order of reference; positions left over."""

    columns: list[Columns]
    taken: list[int]
    left: list[int]


def fill(batch: Batch, names: Sequence[str], books: Books, as_of_ms: int) -> Filled:
    """The batch as columns. Readings whose time or value turns out not to be plain are left over.

    `names` are those of the entries of the page; the names of readings taken go into the book of references.
    """
    positions, values = np.array(batch.positions, np.int64), np.array(batch.values, np.float64)
    at_ms, offset, good = parse_instants(batch.times)
    good &= (at_ms >= YEAR_2000_MS) & (at_ms <= as_of_ms + FUTURE_TOLERANCE_MS)
    lengths = np.diff([*(start for start, _ in batch.runs), len(values)])
    shape_of = np.repeat(np.array([shape.number for _, shape in batch.runs], np.int64), lengths)
    filled = Filled([], [], [])
    for shape in {shape.number: shape for _, shape in batch.runs}.values():
        here = shape_of == shape.number
        good &= ~here | ((values >= shape.low) & (values <= shape.high))
        (rows,) = np.nonzero(here & good)
        times = Times(at_ms[rows], offset[rows])
        filled.columns.append(_columns(shape, values[rows], times, len(books.references), books))
        taken = positions[rows].tolist()
        filled.taken.extend(taken)
        books.references.plain_ids += [names[position] for position in taken]
    filled.left.extend(positions[~good].tolist())
    return filled


class Times(NamedTuple):
    """Instants and local offsets of the readings of one shape."""

    at_ms: NDArray[np.int64]
    offset_min: NDArray[np.int16]


def _columns(
    shape: Shape, values: NDArray[np.float64], times: Times, first_reference: int, books: Books
) -> Columns:
    """The columns of one shape: the sample's row for each value and time."""
    rows, sample = len(values), shape.sample
    hidden, local = (books.flag_sets.position(flags) for flags in (sample.flags, shape.flags_local))
    return Columns(
        signal=sample.signal, unit=sample.unit, at_ms=times.at_ms, until_ms=times.at_ms,
        value=values * shape.change.factor + shape.change.offset, native_value=values,
        native_unit=np.full(rows, books.units.position(sample.native_unit), np.int16),
        censored=np.zeros(rows, np.int8),
        source=np.full(rows, books.sources.position(sample.source), np.int16),
        reference=np.arange(first_reference, first_reference + rows, dtype=np.int32),
        flags=np.where(times.offset_min == UNKNOWN_OFFSET, hidden, local).astype(np.int16),
        offset_min=times.offset_min,
    )  # fmt: skip
