"""One numeric value of one signal: from Quantity, integer or a strictly patterned string, to its own unit.

Sits between `observation` and the unit table. Off-scale values stay counted as low or high: dropping a
LOW would hide the hypoglycaemia.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isinf
from typing import Any, Final

from fhir_mappers.codes import CodeRow
from fhir_mappers.references import text
from fhir_mappers.row import NO_FLAGS
from fhir_mappers.site import Site
from fhir_mappers.unit_conversion import GLUCOSE, UnitFault, conversion, find_unit

NUMBER: Final = re.compile(r"[+-]?\d{1,9}(?:\.\d{1,12})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
"""A JSON-like number and nothing else; a comma may be a decimal or a thousand, so it is not read."""

LARGEST: Final = 1e300
"""Integers beyond this do not fit a float; no measurement comes near."""

RESULT_TEXT: Final = re.compile(r"([<>]=?)?\s*(\d{1,6}(?:\.\d{1,6})?)\s*(\D.{0,24})?", re.ASCII)
OFF_SCALE_WORDS: Final[Mapping[str, int]] = {"low": -1, "lo": -1, "high": 1, "hi": 1}
COMPARATORS: Final[Mapping[str, int]] = {"<": -1, "<=": -1, ">": 1, ">=": 1}

CENSORED_FLAG: Final[Mapping[int, str]] = {-1: "censored_low", 1: "censored_high"}

SENSOR_ERROR_CODES_MGDL: Final = 12.0
"""Dexcom receivers store error states as glucose 1 to 12 mg/dL (Nightscout's list of error codes)."""

SUSPECT_LOW_MGDL: Final = 30.0
"""Sensors report from about 40 (HDDT example limit 35): a bare CGM value below this is suspect."""

PLAIN_CGM_MGDL: Final = (39.5, 400.5)
"""Between these a CGM value is neither pinned, nor an error code, nor suspect."""

ROUNDING: Final = 1e-9

LEAST_FRACTION: Final = 0.5
"""SpO2 from 0.5 to 1.0 is a fraction: a real oxygen saturation of 1 % cannot be."""

LEAST_MGDL: Final = 20.0
MOST_MMOLL: Final = 50.0
"""A sensor or meter value beyond these is more likely in the other unit: refused, never converted (H-03)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A value in its signal's unit, with what the device reported and which side of its range it is off."""

    value: float
    native_value: float
    native_unit: str
    censored: int = 0
    flags: frozenset[str] = NO_FLAGS


@dataclass(frozen=True, slots=True)
class ValueFault:
    """Why there is no usable value; the drop reason."""

    reason: str


def number_of(value: object) -> tuple[float, frozenset[str]] | None:
    """A JSON number, or a string that is exactly one number (flagged); None for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST:
        return float(value), NO_FLAGS
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        return float(value), frozenset({"value_was_string"})
    return None


def measure(quantity: Mapping[str, Any], row: CodeRow, site: Site) -> Measured | ValueFault:
    """A Quantity as a value of this signal, checked against the hard limits of its code."""
    if quantity.get("value") is None:
        return ValueFault("value_missing")
    found = number_of(quantity["value"])
    if found is None:
        return ValueFault("value_not_numeric")
    unit = find_unit(quantity, row, site)
    if isinstance(unit, UnitFault):
        return ValueFault(unit.reason)
    comparator = quantity.get("comparator")
    if comparator is not None and text(quantity, "comparator") not in COMPARATORS:
        return ValueFault("comparator_unknown")
    value, flags = found
    return in_signal_unit(
        value, unit.ucum, row, COMPARATORS.get(text(quantity, "comparator"), 0), flags | unit.flags
    )


def in_signal_unit(
    value: float, unit: str, row: CodeRow, censored: int = 0, flags: frozenset[str] = NO_FLAGS
) -> Measured | ValueFault:
    """A value in a known unit, converted to the signal's unit; implausible ones are faults."""
    if row.feature == "spo2" and LEAST_FRACTION <= value <= 1.0:
        value, flags = value * 100, flags | {"fraction_as_percent"}
    if row.feature == "af_burden" and value <= 1.0:
        flags |= {"fraction_or_percent_ambiguous"}
    to_feature = conversion(unit, row.canonical, row.feature)
    if to_feature is None:
        return ValueFault("unit_contradicts_code")
    if (fault := _implausible(value, unit, to_feature(value), row)) is not None:
        return fault
    if unit == "mmol/mol":
        flags |= {"converted_ifcc"}
    if censored:
        flags |= {CENSORED_FLAG[censored]}
    elif row.feature == "glucose_cgm" and to_feature(value) < SUSPECT_LOW_MGDL:
        flags |= {"suspect_low"}
    return Measured(to_feature(value), value, unit, censored, flags)


def _implausible(value: float, unit: str, canonical: float, row: CodeRow) -> ValueFault | None:
    """Hard limits hold in the unit of the code, or where that is not reachable, of the feature."""
    if row.feature == "glucose_cgm" and 0 < canonical <= SENSOR_ERROR_CODES_MGDL:
        return ValueFault("implausible:sensor_error_code")
    if row.feature in ("glucose_cgm", "glucose_smbg") and (
        (unit == "mg/dL" and value < LEAST_MGDL) or (unit == "mmol/L" and value > MOST_MMOLL)
    ):
        return ValueFault("implausible:unit_doubt")
    if (to_code := conversion(unit, row.unit, row.feature)) is not None:
        return None if row.low <= to_code(value) <= row.high else ValueFault("implausible")
    limit = conversion(row.unit, row.canonical, row.feature)
    return None if limit and limit(row.low) <= canonical <= limit(row.high) else ValueFault("implausible")


def plain_range(row: CodeRow, unit: str, off_scale: bool) -> tuple[float, float] | None:
    """Native values between which nothing but the linear change of unit happens to a value of this code.

    Inside it no rule of this module looks at the size of the value; outside it `in_signal_unit` must.
    None where there is no such range.
    """
    to_code, to_feature = (conversion(unit, to, row.feature) for to in (row.unit, row.canonical))
    if to_code is None or to_feature is None:
        return None
    low, high = to_code.back(row.low), to_code.back(row.high)
    if row.feature == "glucose_cgm" and not off_scale:
        low, high = (to_feature.back(limit) for limit in PLAIN_CGM_MGDL)
    elif row.feature in ("glucose_cgm", "glucose_smbg"):
        low = max(low, LEAST_MGDL if unit == "mg/dL" else to_feature.back(SENSOR_ERROR_CODES_MGDL))
        high = high if unit == "mg/dL" else min(high, MOST_MMOLL)
    if row.feature in ("spo2", "af_burden"):
        low = max(low, 1.0)
    return _inside(low, 1), _inside(high, -1)


def _inside(limit: float, direction: int) -> float:
    """A limit moved inwards by more than any rounding of a change of unit."""
    return limit if isinf(limit) else limit + direction * ROUNDING * max(abs(limit), 1.0)


def off_scale(side: int, row: CodeRow, site: Site, flag: str) -> Measured | ValueFault:
    """A reading known only to be beyond the sensor's range: one unit outside the site's limits.

    For 40 to 400 mg/dL these are 39 and 401, as sensors pin them. Other signals have no such convention.
    """
    if row.feature not in GLUCOSE:
        return ValueFault("value_not_numeric")
    value = site.sensor_limits_mgdl[0] - 1 if side < 0 else site.sensor_limits_mgdl[1] + 1
    return Measured(value, value, "mg/dL", side, frozenset({flag, CENSORED_FLAG[side]}))


def pinned(measured: Measured, row: CodeRow, source: str, site: Site) -> Measured:
    """The reading, marked off-scale where its source is known to pin 39 and 401 mg/dL for LOW and HIGH."""
    mgdl = round(measured.value)
    side = -1 if mgdl == 39 else 1 if mgdl == 401 else 0
    if not side or measured.censored or row.feature != "glucose_cgm":
        return measured
    if not any(word in source.lower() for word in site.pinning_sources):
        return measured
    return replace(measured, censored=side, flags=measured.flags | {CENSORED_FLAG[side], "pinned_value"})


def read_text(value: str, row: CodeRow, site: Site) -> Measured | ValueFault:
    """A valueString: LOW and HIGH, or one number with an optional comparator and its unit."""
    words = value.strip()
    if (side := OFF_SCALE_WORDS.get(words.lower())) is not None:
        return off_scale(side, row, site, "value_from_string")
    found = RESULT_TEXT.fullmatch(words)
    if found is None:
        return ValueFault("value_not_numeric")
    comparator, number, unit = found.groups()
    quantity = {"value": number, "comparator": comparator, "unit": (unit or "").strip()}
    measured = measure({k: v for k, v in quantity.items() if v}, row, site)
    if isinstance(measured, ValueFault):
        return ValueFault("value_not_numeric") if measured.reason == "unit_unknown" else measured
    return replace(measured, flags=measured.flags - {"unit_from_text"} | {"value_was_string"})
