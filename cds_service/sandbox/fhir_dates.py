"""Dates of resources and of searches as half-open ranges of UTC milliseconds.

Used by the sandbox's index and its search; a value without an offset counts as UTC here.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from fhir_mappers.timing import TimeFault, parse_time

Range = tuple[int, int]

_PREFIXED: Final = re.compile(r"(?P<prefix>[a-z]{2})?(?P<text>.*)", re.DOTALL)
_UTC: Final = ZoneInfo("UTC")

UNBOUNDED: Final = (-(1 << 62), 1 << 62)

MATCHES: Final[Mapping[str, tuple[str, tuple[int, ...]]]] = {
    "eq": ("start_ms >= ? AND end_ms <= ?", (0, 1)),
    "ge": ("end_ms > ?", (0,)),
    "gt": ("end_ms > ?", (1,)),
    "le": ("start_ms < ?", (1,)),
    "lt": ("start_ms < ?", (0,)),
}
"""SQL of each prefix, and which ends of the range asked for it takes (FHIR R4 search, 3.1.1.4.5)."""


def parse_range(text: str) -> Range:
    """First millisecond of `text` and the first one after it: `2026-05` is the whole month.

    Raises ValueError when `text` is no FHIR date, dateTime or instant.
    """
    found = parse_time(text, _UTC)
    if isinstance(found, TimeFault):
        raise ValueError("not a FHIR date or dateTime")
    return found.at_ms, max(found.end_ms, found.at_ms + 1)


def parse_prefixed(value: str) -> tuple[str, Range]:
    """A search value such as `ge2026-05-01` as its prefix and range; ValueError when either is unknown."""
    parts = _PREFIXED.fullmatch(value)
    prefix, text = (parts["prefix"] or "eq", parts["text"]) if parts else ("eq", value)
    if prefix not in MATCHES:
        raise ValueError(f"date prefix {prefix} is not supported here; use eq, ge, gt, le or lt")
    return prefix, parse_range(text)


def range_of(value: Any) -> Range | None:
    """Range of a date, dateTime, instant or Period of a resource; None when it is none of them."""
    if isinstance(value, Mapping):
        start, end = range_of(value.get("start")), range_of(value.get("end"))
        if start or end:
            return (start or UNBOUNDED)[0], (end or UNBOUNDED)[1]
        return None
    found = parse_time(value, _UTC)
    return None if isinstance(found, TimeFault) else (found.at_ms, max(found.end_ms, found.at_ms + 1))
