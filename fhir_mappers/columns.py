"""Rows of one signal as numpy columns, and the code books that all signals of a record share.

Sits between the mappers, which fill columns, and `deduplicate` and `to_patient_record`, which read them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from fhir_mappers.decode import NotFhir
from fhir_mappers.row import Row
from models.time_series import UNKNOWN_OFFSET, TimeSeries

Entry = TypeVar("Entry")

MOST_ENTRIES: Final = 2_000
"""No real record comes near; each new device costs as much as a hundred readings of a known one."""


class CodeBook(Generic[Entry]):
    """Distinct values in the order in which they first came, each with its position."""

    def __init__(self, *first: Entry) -> None:
        self.positions: dict[Entry, int] = {entry: i for i, entry in enumerate(first)}

    def position(self, entry: Entry) -> int:
        """Where the value stands; it is added if it is new."""
        if len(self.positions) > MOST_ENTRIES:
            raise NotFhir("too many different units, devices or flags in one record")
        return self.positions.setdefault(entry, len(self.positions))

    def entries(self) -> tuple[Entry, ...]:
        """All values by position."""
        return tuple(self.positions)


class References(Sequence[str]):
    """References of all rows of a record. Those of plain readings, which all come before the others, are
    kept as ids and spelled out when they are read.
    """

    def __init__(self) -> None:
        self.plain_ids: list[str] = []
        self.others: dict[str, int] = {}
        self.spelled: list[str] = []

    def __len__(self) -> int:
        return len(self.plain_ids) + len(self.spelled)

    def position(self, reference: str) -> int:
        """Where a reference stands that is not that of a plain reading; it is added if it is new."""
        known = self.others.get(reference)
        if known is None:
            known = self.others[reference] = len(self)
            self.spelled.append(reference)
        return known

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        position = range(len(self))[at]
        plain = len(self.plain_ids)
        return (
            f"Observation/{self.plain_ids[position]}" if position < plain else self.spelled[position - plain]
        )


@dataclass(slots=True)
class Books:
    """What the small integers in the columns of one record mean."""

    units: CodeBook[str] = field(default_factory=CodeBook)
    sources: CodeBook[str] = field(default_factory=CodeBook)
    flag_sets: CodeBook[frozenset[str]] = field(default_factory=lambda: CodeBook(frozenset()))
    labels: CodeBook[str] = field(default_factory=CodeBook)
    references: References = field(default_factory=References)


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows of one signal, unsorted. All arrays have length n; small integers are positions in `Books`."""

    signal: str
    unit: str
    at_ms: NDArray[np.int64]
    until_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    native_value: NDArray[np.float64]
    native_unit: NDArray[np.int16]
    censored: NDArray[np.int8]
    source: NDArray[np.int16]
    reference: NDArray[np.int32]
    flags: NDArray[np.int16]
    offset_min: NDArray[np.int16]

    def __len__(self) -> int:
        return int(self.at_ms.size)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Columns":
        """The rows selected by a mask or by positions, in that order."""
        return replace(self, **{name: getattr(self, name)[rows] for name in ARRAYS})


ARRAYS = tuple(f.name for f in fields(Columns))[2:]


def joined(parts: Sequence[Columns]) -> Columns:
    """All rows of several parts of one signal."""
    if len(parts) == 1:
        return parts[0]
    arrays: dict[str, Any] = {n: np.concatenate([getattr(part, n) for part in parts]) for n in ARRAYS}
    return replace(parts[0], **arrays)


def columns_of(rows: Sequence[Row], books: Books) -> Columns:
    """Rows of one signal as columns."""
    values = [books.labels.position(row.label) if row.label else row.value for row in rows]
    offsets = [UNKNOWN_OFFSET if row.offset_min is None else row.offset_min for row in rows]
    return Columns(
        signal=rows[0].signal, unit=rows[0].unit,
        at_ms=np.array([row.at_ms for row in rows], np.int64),
        until_ms=np.array([row.until_ms for row in rows], np.int64),
        value=np.array(values, np.float64),
        native_value=np.array([row.native_value for row in rows], np.float64),
        native_unit=np.array([books.units.position(row.native_unit) for row in rows], np.int16),
        censored=np.array([row.censored for row in rows], np.int8),
        source=np.array([books.sources.position(row.source) for row in rows], np.int16),
        reference=np.array([books.references.position(row.reference) for row in rows], np.int32),
        flags=np.array([books.flag_sets.position(row.flags) for row in rows], np.int16),
        offset_min=np.array(offsets, np.int16),
    )  # fmt: skip


def to_series(columns: Columns, books: Books) -> TimeSeries:
    """The columns as a series, sorted by instant."""
    in_order = columns
    if not np.all(columns.at_ms[1:] > columns.at_ms[:-1]):
        in_order = columns.take(np.lexsort((columns.value, columns.until_ms, columns.at_ms)))
    return TimeSeries(
        signal=in_order.signal, unit=in_order.unit,
        **{name: getattr(in_order, name) for name in ARRAYS},
        native_units=books.units.entries(), sources=books.sources.entries(),
        references=books.references, flag_sets=books.flag_sets.entries(), labels=books.labels.entries(),
    )  # fmt: skip
