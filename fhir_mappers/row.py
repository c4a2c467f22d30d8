"""One mapped measurement, or one counted refusal of a resource.

Sits between the mappers of single resources, which return these, and the assembly into time series.
"""

from dataclasses import dataclass
from typing import Final

NO_FLAGS: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """One point or interval of one signal. Instants are UTC milliseconds; `until_ms == at_ms` for a point.

    `value` is in the signal's canonical `unit`; `native_value` and `native_unit` are as reported,
    the unit as UCUM. `censored` is -1 below the sensor's range, +1 above. `label` holds the word of a coded
    value (`postprandial`), with unit `code`. `offset_min` is the device's local offset, None where unknown.
    `updated_ms` is `meta.lastUpdated`, 0 where absent: the newest of two versions wins.
    """

    signal: str
    value: float
    unit: str
    at_ms: int
    until_ms: int
    native_value: float
    native_unit: str
    reference: str
    source: str = ""
    censored: int = 0
    flags: frozenset[str] = NO_FLAGS
    offset_min: int | None = None
    updated_ms: int = 0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """A resource that gave no row, and why (`unit_missing`, `status:cancelled`, `data_absent:error`)."""

    reference: str
    reason: str
    flags: frozenset[str] = NO_FLAGS
