"""SampledData: a chunk of readings in one string, expanded to one value per sample (R4, R4B and R5 shapes).

Sits beside `quantity` under `observation`. `E` is a missing sample, `L` and `U` are beyond its limits.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from fhir_mappers.codes import CodeRow
from fhir_mappers.quantity import Measured, ValueFault, in_signal_unit, number_of
from fhir_mappers.references import member, text
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

SHORTEST_CGM_STEP_MS: Final = 30_000.0
"""Sensors report every 1 to 15 minutes: a shorter step is a period in the wrong unit."""

LOWER_LIMITS_MGDL: Final = (20.0, 70.0)
UPPER_LIMITS_MGDL: Final = (250.0, 700.0)
"""Where sensors and meters end; a limit sent outside these is scaled otherwise, or wrong (our judgement)."""


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


def expand(
    sampled: Mapping[str, Any], row: CodeRow, when: Effective, site: Site, *, still_filling: bool = False
) -> Samples | ValueFault:
    """All usable samples of a chunk that starts at `when.at_ms`; a fault where the chunk is in doubt.

    Sensor chunks that are not `still_filling` fill their period.
    """
    tokens = _tokens(sampled)
    if isinstance(tokens, ValueFault):
        return tokens
    unit = find_unit(member(sampled, "origin"), row, site)
    if isinstance(unit, UnitFault):
        return ValueFault(unit.reason)
    offsets = _offsets_ms(sampled, len(tokens))
    if isinstance(offsets, ValueFault):
        return offsets
    may_end_early = still_filling or row.feature != "glucose_cgm" or "offsets" in sampled
    if not _fits(offsets, when, may_end_early) or _too_dense(offsets, row):
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
    per_unit = MS_PER_UNIT.get(text(sampled, "intervalUnit"))
    if per_unit is None and "period" not in sampled:
        stated = "interval" in sampled or "offsets" in sampled
        return ValueFault("sampled_interval_unit" if stated else "sampled_period_missing")
    if isinstance(offsets := sampled.get("offsets"), str) and per_unit is not None:
        numbers = [number_of(token) for token in offsets.split()]
        known = [number[0] * per_unit for number in numbers if number is not None]
        return known if len(known) == len(numbers) == count else ValueFault("sampled_offsets_mismatch")
    step = number_of(sampled["period"] if "period" in sampled else sampled.get("interval"))
    if step is None or step[0] <= 0:
        return ValueFault("sampled_period_missing")
    step_ms = step[0] * (1.0 if per_unit is None or "period" in sampled else per_unit)
    return [position * step_ms for position in range(count)]


def _fits(offsets: list[float], when: Effective, may_end_early: bool) -> bool:
    """Whether a chunk stays in its effectivePeriod and, unless it may end early, fills it, to one sample."""
    length_ms = when.until_ms - when.at_ms
    if not length_ms or len(offsets) < 2:
        return True
    step_ms = max(offsets) / (len(offsets) - 1)
    missing_ms = length_ms - len(offsets) * step_ms
    in_seconds = abs(length_ms / PERIOD_UNIT_ERROR - len(offsets) * step_ms) <= step_ms
    return -step_ms <= missing_ms and (missing_ms <= step_ms or (may_end_early and not in_seconds))


def _too_dense(offsets: list[float], row: CodeRow) -> bool:
    """Whether glucose samples follow each other faster than any sensor reports."""
    if row.feature != "glucose_cgm" or len(offsets) < 2:
        return False
    in_order = sorted(offsets)
    return min(b - a for a, b in pairwise(in_order)) < SHORTEST_CGM_STEP_MS


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
    found = in_signal_unit(limit[0], unit, row, side) if limit is not None else ValueFault("without_limit")
    if row.feature in GLUCOSE and not _is_sensor_limit(found, side):
        site_limit = site.sensor_limits_mgdl[0 if side < 0 else 1]
        found = in_signal_unit(site_limit, "mg/dL", row, side, frozenset({"site_sensor_limit"}))
    return found if isinstance(found, Measured) else ValueFault("sample_without_limit")


def _is_sensor_limit(limit: Measured | ValueFault, side: int) -> bool:
    """Whether a sensor can end there: a low counted at 400 would be a high."""
    low, high = LOWER_LIMITS_MGDL if side < 0 else UPPER_LIMITS_MGDL
    return isinstance(limit, Measured) and low <= limit.value <= high
