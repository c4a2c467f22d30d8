"""One signal over time as numpy columns; what the mapper makes and every feature reads."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

BELOW: Final = -1
ABOVE: Final = 1
UNKNOWN_OFFSET: Final = 32767
"""Stands in a column of offsets for 'the sender stated no local offset'."""


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """Samples of one signal, sorted by instant. All arrays have length n; instants are UTC milliseconds.

    `value` is in `unit` (canonical). `native_value` is the number the device reported, in the unit
    `native_units[native_unit]`: glucose bands are decided there. `until_ms` equals `at_ms` for a point
    and ends the interval otherwise. `censored` is -1 below the sensor's range, +1 above, else 0.
    `source`, `reference` and `flags` index into `sources`, `references` and `flag_sets`. `offset_min` is the
    device's local offset in minutes east of UTC, UNKNOWN_OFFSET where it stated none, None when nobody knows.
    A series of words has the unit `code`: `value` indexes into `labels`.
    """

    signal: str
    unit: str
    at_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    until_ms: NDArray[np.int64]
    native_value: NDArray[np.float64]
    native_unit: NDArray[np.int16]
    censored: NDArray[np.int8]
    source: NDArray[np.int16]
    reference: NDArray[np.int32]
    flags: NDArray[np.int16]
    native_units: tuple[str, ...]
    sources: tuple[str, ...] = ("",)
    references: Sequence[str] = ("",)
    flag_sets: tuple[frozenset[str], ...] = field(default=(frozenset(),))
    offset_min: NDArray[np.int16] | None = None
    labels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.at_ms.size)

    def take(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """The samples selected by a mask or by positions, in that order."""
        columns: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        columns |= {name: column[keep] for name, column in columns.items() if isinstance(column, np.ndarray)}
        return type(self)(**columns)

    def between(self, start_ms: int, end_ms: int) -> Self:
        """Samples with start < at <= end: a window that ends at `as_of` holds the sample taken then."""
        first, last = np.searchsorted(self.at_ms, [start_ms, end_ms], side="right")
        return self.take(np.arange(first, last))

    @property
    def newest_ms(self) -> int | None:
        """Instant of the last sample, None when there is none."""
        return int(self.at_ms[-1]) if len(self) else None


def series_of(
    signal: str, unit: str, at_ms: NDArray[np.int64], value: NDArray[np.float64], source: str = ""
) -> TimeSeries:
    """A plain series: point samples in the canonical unit, nothing censored, one source. Sorts by instant."""
    order = np.argsort(at_ms, kind="stable")
    at_ms, value = np.asarray(at_ms, np.int64)[order], np.asarray(value, np.float64)[order]
    return TimeSeries(
        signal=signal, unit=unit, at_ms=at_ms, value=value, until_ms=at_ms, native_value=value,
        native_unit=np.zeros(value.size, np.int16), censored=np.zeros(value.size, np.int8),
        source=np.zeros(value.size, np.int16), reference=np.zeros(value.size, np.int32),
        flags=np.zeros(value.size, np.int16), native_units=(unit,), sources=(source,),
    )  # fmt: skip
