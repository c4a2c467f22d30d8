"""The shapes of plain readings: what all readings of one look share, learned from the reference path.

Sits between `plain_readings` and `plain_columns`. Each new look is tried once on `observation` with a plain
value; its readings differ from that sample only by a linear change of unit.
"""

from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

import msgspec

from fhir_mappers.codes import Coded, CodeRow, resolve_code
from fhir_mappers.decode import NOT_DECODED
from fhir_mappers.element import source_of
from fhir_mappers.measured_part import AXILLARY
from fhir_mappers.observation import BODY_FLUID_CODES, as_meant, map_observation
from fhir_mappers.observed_time import LOCAL_TIME_UNKNOWN, Reading
from fhir_mappers.plain_readings import Look
from fhir_mappers.quantity import plain_range
from fhir_mappers.row import Drop, Row
from fhir_mappers.unit_conversion import Linear, Unit, conversion, find_unit, possible_units
from models.signals import HRV_SDNN

PROBE_TIME: Final = "2000-01-02T00:00:00Z"
"""A time without local hour, so that the sample shows the flag for it where one is due."""

MOST_LOOKS: Final = 500
"""A patient's devices have some tens. Where every reading has its own, learning costs more than it saves."""


@dataclass(frozen=True, slots=True)
class PartShape:
    """One value of a shape: the sample row, the change of unit, and the range of values that are plain."""

    sample: Row
    flags_local: frozenset[str]
    change: Linear
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Shape:
    """The values of one look. `above` names two parts of which the first must exceed the second."""

    number: int
    parts: tuple[PartShape, ...]
    above: tuple[int, int] | None


@dataclass(slots=True)
class Shapes:
    """The shapes met so far. None stands for a look that is not plain."""

    reading: Reading
    known: dict[Look, Shape | None] = field(default_factory=dict)

    def of(self, look: Look) -> Shape | None:
        """The shape of a look, learned when it is new."""
        if look not in self.known and len(self.known) < MOST_LOOKS:
            self.known[look] = self._learn(look)
        return self.known.get(look)

    def _learn(self, look: Look) -> Shape | None:
        try:
            probe = _as_resource(look)
        except NOT_DECODED:
            return None  # the reference path calls each of them malformed
        coded = resolve_code(probe["code"], self.reading.site)
        if look.is_panel and isinstance(coded, Coded) and not coded.row.is_panel:
            return None
        if isinstance(coded, Coded) and _needs_more(coded.row, probe):
            return None
        spans = [_fill_in(part, probe, self.reading) for part in probe.get("component", [probe])]
        rows = map_observation(probe, "", self.reading)
        if isinstance(rows, Drop) or len(rows) != len(look.parts):
            return None
        parts = [_part_shape(row, span) for row, span in zip(rows, spans, strict=True) if span is not None]
        if len(parts) != len(rows) or None in parts:
            return None
        signals = [row.signal for row in rows]
        pressures = "sbp" in signals and "dbp" in signals
        above = (signals.index("sbp"), signals.index("dbp")) if pressures else None
        return Shape(len(self.known), tuple(part for part in parts if part is not None), above)


def _needs_more(row: CodeRow, probe: dict[str, Any]) -> bool:
    """Whether the reference path looks at members that a look does not hold: method, category, specimen."""
    fluid = row.code in BODY_FLUID_CODES and probe["device"] is None
    return fluid or row.feature == HRV_SDNN


def _as_resource(look: Look) -> dict[str, Any]:
    """The plain JSON of a look at the probe time, without values."""
    resource: dict[str, Any] = {
        "resourceType": "Observation",
        "status": look.status,
        "code": msgspec.json.decode(look.concept),
        "subject": msgspec.json.decode(look.subject),
        "device": msgspec.json.decode(look.device),
        "meta": {"source": look.sender},
        "effectiveDateTime": PROBE_TIME,
    }
    quantities = [{"unit": p.unit, "code": p.unit_code, "comparator": p.comparator} for p in look.parts]
    if not look.is_panel:
        return resource | {"valueQuantity": quantities[0]}
    components = [
        {"code": msgspec.json.decode(part.concept), "valueQuantity": quantity}
        for part, quantity in zip(look.parts, quantities, strict=True)
    ]
    return resource | {"component": components}


def _fill_in(part: dict[str, Any], probe: dict[str, Any], reading: Reading) -> tuple[float, float] | None:
    """Puts a plain value into a part of the probe, and returns the range of such values if there is one."""
    quantity = part["valueQuantity"]
    coded = resolve_code(part["code"], reading.site, possible_units(quantity))
    if not isinstance(coded, Coded) or coded.row.unit in ("", "code") or coded.row.code == AXILLARY:
        return None
    row = as_meant(coded.row, (part["code"],), source_of(probe["device"], probe["meta"]["source"]))
    unit = find_unit(quantity, row, reading.site)
    off_scale = quantity["comparator"] is not None
    span = plain_range(row, unit.ucum, off_scale) if isinstance(unit, Unit) else None
    if span is not None:
        finite = [limit for limit in span if isfinite(limit)]
        quantity["value"] = sum(finite) / max(len(finite), 1)
    return span


def _part_shape(row: Row, span: tuple[float, float]) -> PartShape | None:
    change = conversion(row.native_unit, row.unit, row.signal)
    return PartShape(row, row.flags - {LOCAL_TIME_UNKNOWN}, change, *span) if change else None
