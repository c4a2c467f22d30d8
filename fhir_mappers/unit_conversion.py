"""The table of units: what a unit as sent means in UCUM, and the exact factor to a signal's own unit.

Units are data (`units.csv`, `conversions.csv`). A missing or foreign unit is a drop, never a guess.
Sits under `quantity` and `sampled_data`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from fhir_mappers.code_tables import read_table
from fhir_mappers.codes import LOINC, CodeRow, code_table
from fhir_mappers.references import text
from fhir_mappers.row import NO_FLAGS
from fhir_mappers.site import Site

GLUCOSE: Final = ("glucose_cgm", "glucose_smbg", "glucose_lab")
"""Signals whose unit and code must agree: a factor of 18 hides between them, and doses follow from them."""

COUNTS: Final = ("steps",)
"""Counts have no other unit that they could be in, and exporters send them without one."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit in UCUM, with flags on how it was found."""

    ucum: str
    flags: frozenset[str] = NO_FLAGS


@dataclass(frozen=True, slots=True)
class UnitFault:
    """Why a value's unit cannot be used; the drop reason."""

    reason: str


Number = TypeVar("Number", float, NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class Linear:
    """A change of unit: value x factor + offset."""

    factor: float
    offset: float

    def __call__(self, value: Number) -> Number:
        return value * self.factor + self.offset

    def back(self, value: float) -> float:
        """The value before the change."""
        return (value - self.offset) / self.factor


SAME: Final = Linear(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Alias:
    ucum: str
    valid_ucum: bool
    only_for: str


@cache
def ucum_units() -> frozenset[str]:
    """Every unit that some code accepts, as UCUM."""
    return frozenset(unit for row in code_table().values() for unit in row.accepted)


@cache
def _aliases() -> Mapping[str, tuple[_Alias, ...]]:
    table: dict[str, tuple[_Alias, ...]] = {}
    for line in read_table("units.csv"):
        alias = _Alias(line["ucum"], bool(line["valid_ucum"]), line["only_for"])
        table[line["seen"]] = (*table.get(line["seen"], ()), alias)
        folded = _Alias(line["ucum"], False, line["only_for"])
        table[_folded(line["seen"])] = (*table.get(_folded(line["seen"]), ()), folded)
    for unit in ucum_units():
        table[_folded(unit)] = (*table.get(_folded(unit), ()), _Alias(unit, False, ""))
    return table


def _folded(seen: str) -> str:
    return "".join(seen.lower().split())


@cache
def _conversions() -> Mapping[tuple[str, str], tuple[tuple[str, Linear], ...]]:
    table: dict[tuple[str, str], tuple[tuple[str, Linear], ...]] = {}
    for line in read_table("conversions.csv"):
        key = (line["unit_from"], line["unit_to"])
        change = Linear(_number(line["factor"]), _number(line["offset"]))
        table[key] = (*table.get(key, ()), (line["only_for"], change))
    return table


def _number(written: str) -> float:
    """A decimal, or a quotient of two, as the table writes exact factors."""
    over, _, under = written.partition("/")
    return float(over) / float(under or 1)


def find_unit(quantity: Mapping[str, Any], row: CodeRow, site: Site) -> Unit | UnitFault:
    """The unit of a Quantity (or of SampledData's origin) whose value belongs to `row`.

    The UCUM code decides; the printed unit only where there is no code, flagged. A printed unit that
    means something else than the code is a contradiction.
    """
    code, shown = text(quantity, "code"), text(quantity, "unit")
    if not code and not shown:
        return _unit_where_none(row, site)
    by_code, by_text = (_meaning(seen, row.feature, site) for seen in (code, shown))
    if by_code is None:
        if by_text is None:
            return UnitFault("unit_unknown")
        return _accepted(Unit(by_text.ucum, frozenset({"unit_from_text"})), row)
    if by_text is not None and not _same_unit(by_text.ucum, by_code.ucum, row):
        return UnitFault("unit_conflict")
    return _accepted(Unit(by_code.ucum, NO_FLAGS if by_code.valid_ucum else frozenset({"unit_alias"})), row)


def _unit_where_none(row: CodeRow, site: Site) -> Unit | UnitFault:
    if (default := site.default_units.get(row.feature)) is not None:
        return _accepted(Unit(default, frozenset({"unit_from_site"})), row)
    if row.feature in COUNTS:
        return Unit(row.unit, frozenset({"count_without_unit"}))
    return UnitFault("unit_missing")


def _meaning(seen: str, feature: str, site: Site) -> _Alias | None:
    """What one unit text means for a feature: UCUM itself, the site's alias, our alias, then in any case."""
    if seen in ucum_units():
        return _Alias(seen, True, "")
    if (declared := site.units.get(seen)) is not None:
        return _Alias(declared, False, "")
    for key in (seen, _folded(seen)):
        for alias in _aliases().get(key, ()):
            if feature.startswith(alias.only_for):
                return alias
    return None


def _same_unit(one: str, other: str, row: CodeRow) -> bool:
    """Whether two units say the same of this feature: equal, or apart only by a factor of one."""
    changes = (conversion(unit, row.canonical, row.feature) for unit in (one, other))
    return one == other or all(change is not None and change == SAME for change in changes)


def _accepted(unit: Unit, row: CodeRow) -> Unit | UnitFault:
    """The unit if this code may carry it. A LOINC glucose code states mass or moles: the unit must agree."""
    if unit.ucum not in row.accepted:
        return UnitFault("unit_contradicts_code")
    if unit.ucum == row.unit or row.system != LOINC or not _states_property(row):
        return unit
    if row.feature in GLUCOSE:
        return UnitFault("unit_contradicts_code")
    same = _same_unit(unit.ucum, row.unit, row)
    return unit if same else Unit(unit.ucum, unit.flags | {"unit_contradicts_code"})


def _states_property(row: CodeRow) -> bool:
    """Whether the LOINC code itself fixes mass or moles, which a change of unit would contradict."""
    return row.unit in ("mg/dL", "mmol/L", "umol/L", "mmol/mol") or row.feature == "hba1c"


def conversion(unit: str, to: str, feature: str) -> Linear | None:
    """How values of a feature change from one unit to another; None where that has no meaning."""
    if unit == to:
        return SAME
    changes = _conversions().get((unit, to), ())
    return next((change for only_for, change in changes if feature.startswith(only_for)), None)


def possible_units(quantity: Mapping[str, Any]) -> frozenset[str]:
    """Every unit that the code or the printed unit of a Quantity could mean, whatever it measures."""
    seen = [text(quantity, name) for name in ("code", "unit")]
    aliases = [alias.ucum for unit in seen if unit for alias in _aliases().get(_folded(unit), ())]
    return frozenset(aliases) | (ucum_units() & set(seen))
