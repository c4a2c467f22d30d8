"""SampledData: a chunk of readings in one string, expanded to one value per sample (R4, R4B and R5 shapes).

Sits beside `quantity` under `observation`. `E` is a missing sample, `L` and `U` are beyond its limits.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_mappers.codes import CodeRow
from fhir_mappers.quantity import Measured, ValueFault, in_signal_unit, number_of
from fhir_mappers.references import member
from fhir_mappers.site import Site
from fhir_mappers.timing import Effective
from fhir_mappers.unit_conversion import GLUCOSE, UnitFault, find_unit

MS_PER_UNIT: Final[Mapping[str, float]] = {
    "ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6, "d": 8.64e7, "wk": 6.048e8,
}  # fmt: skip
"""UCUM units of time that R5's `intervalUnit` may name."""

SAMPLE: Final = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?", re.ASCII)
MOST_SAMPLES: Final = 200_000
"""A day of 2 Hz; longer strings are refused rather than expanded."""

PERIOD_UNIT_ERROR: Final = 1000.0
"""A period given in seconds where milliseconds are meant."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample and when it was taken."""

    at_ms: int
    measured: Measured


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one chunk, and flags on those that could not be used (`sample_error:3`)."""

    samples: tuple[Sample, ...]
    flags: frozenset[str]


def expand(sampled: Mapping[str, Any], row: CodeRow, when: Effective, site: Site) -> Samples | ValueFault:
    """All usable samples of a chunk that starts at `when.at_ms`; a fault where the chunk is in doubt."""
    tokens = _tokens(sampled)
    if isinstance(tokens, ValueFault):
        return tokens
    unit = find_unit(member(sampled, "origin"), row, site)
    if isinstance(unit, UnitFault):
        return ValueFault(unit.reason)
    offsets = _offsets_ms(sampled, len(tokens))
    if isinstance(offsets, ValueFault):
        return offsets
    if "offsets" not in sampled and not _fits(offsets, when):
        return ValueFault("sampled_period_mismatch")
    found = [_value(token, sampled, unit.ucum, row, site) for token in tokens]
    samples = tuple(
        Sample(when.at_ms + round(offset), value)
        for offset, value in zip(offsets, found, strict=True)
        if isinstance(value, Measured)
    )
    lost = Counter(value.reason for value in found if isinstance(value, ValueFault))
    flags = {f"{reason}:{count}" for reason, count in lost.items()}
    return Samples(samples, frozenset(flags) | unit.flags)


def _tokens(sampled: Mapping[str, Any]) -> list[str] | ValueFault:
    if sampled.get("dimensions", 1) != 1:
        return ValueFault("sampled_dimensions")
    if sampled.get("codeMap") is not None:
        return ValueFault("sampled_coded")
    written = sampled.get("data")
    if not isinstance(written, str) or not written.strip():
        return ValueFault("value_missing")
    tokens = written.split(maxsplit=MOST_SAMPLES)
    return tokens if len(tokens) <= MOST_SAMPLES else ValueFault("sampled_too_long")


def _offsets_ms(sampled: Mapping[str, Any], count: int) -> list[float] | ValueFault:
    """Milliseconds from the start to each sample: R5 offsets, or a regular period (R4) or interval (R5)."""
    per_unit = MS_PER_UNIT.get(str(sampled.get("intervalUnit", "ms")))
    if per_unit is None:
        return ValueFault("sampled_interval_unit")
    if isinstance(offsets := sampled.get("offsets"), str):
        numbers = [number_of(token) for token in offsets.split()]
        known = [number[0] * per_unit for number in numbers if number is not None]
        return known if len(known) == len(numbers) == count else ValueFault("sampled_offsets_mismatch")
    step = number_of(sampled["period"] if "period" in sampled else sampled.get("interval"))
    if step is None or step[0] <= 0:
        return ValueFault("sampled_period_missing")
    step_ms = step[0] * (1.0 if "period" in sampled else per_unit)
    return [position * step_ms for position in range(count)]


def _fits(offsets: list[float], when: Effective) -> bool:
    """Whether a regular chunk stays in its effectivePeriod, to one sample, and is not 1000 times too short.

    A chunk may end early (the current one is still filling); one that runs over has a wrong period.
    """
    length_ms = when.until_ms - when.at_ms
    if not length_ms or len(offsets) < 2:
        return True
    step_ms = offsets[1]
    spanned_ms = len(offsets) * step_ms
    in_seconds = abs(spanned_ms * PERIOD_UNIT_ERROR - length_ms) <= step_ms * PERIOD_UNIT_ERROR
    return spanned_ms - length_ms <= step_ms and not in_seconds


def _value(
    token: str, sampled: Mapping[str, Any], unit: str, row: CodeRow, site: Site
) -> Measured | ValueFault:
    if token == "E":
        return ValueFault("sample_error")
    if token in ("L", "U"):
        return _beyond(token, sampled, unit, row, site)
    if not SAMPLE.fullmatch(token):
        return ValueFault("sample_not_numeric")
    origin, factor = (
        number_of(n) for n in (member(sampled, "origin").get("value", 0), sampled.get("factor", 1))
    )
    if origin is None or factor is None:
        return ValueFault("sample_not_numeric")
    found = in_signal_unit(origin[0] + factor[0] * float(token), unit, row)
    return found if isinstance(found, Measured) else ValueFault(f"sample_{found.reason}")


def _beyond(
    token: str, sampled: Mapping[str, Any], unit: str, row: CodeRow, site: Site
) -> Measured | ValueFault:
    """A sample beyond the device's limit counts at that limit, or at the site's where none is sent."""
    side = -1 if token == "L" else 1
    limit = number_of(sampled.get("lowerLimit" if side < 0 else "upperLimit"))
    if limit is not None:
        found = in_signal_unit(limit[0], unit, row, side)
    elif row.feature in GLUCOSE:
        site_limit = site.sensor_limits_mgdl[0 if side < 0 else 1]
        found = in_signal_unit(site_limit, "mg/dL", row, side, frozenset({"site_sensor_limit"}))
    else:
        found = ValueFault("without_limit")
    return found if isinstance(found, Measured) else ValueFault("sample_without_limit")
