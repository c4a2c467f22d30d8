"""How numbers, times and ages read on a card; every service writes its text with these.

No template here or elsewhere says "no risk", "normal" or "safe", nor abbreviates insulin units (H-04).
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from hooks.card import SUMMARY_LIMIT, Coding
from models.assessment import NotAssessed, Reason, Refused
from models.dosing.dose_format import percent_text
from models.features.feature import count_text
from models.time_series import ABOVE, BELOW, TimeSeries
from models.units import GlucoseUnit, to_mmoll

TOPIC_SYSTEM: Final = "urn:wearable-cds:topic"
OVERRIDE_SYSTEM: Final = "urn:wearable-cds:override-reason"

_MINUTE_MS: Final = 60_000
_LINK = re.compile(r"(?:https?:|mailto:|ftp:|data:|javascript:|www\.)\S*", re.IGNORECASE)
_BLOCK = re.compile(r"[`*_\[\]<>|~#!\\]")
MAX_PLAIN: Final = 120
"""Code points kept of any text that came from a record."""


def glucose(value_mgdl: float, unit: GlucoseUnit = "mg/dL", finer: bool = False) -> str:
    """Glucose in both units, the organisation's first: `62 mg/dL (3.4 mmol/L)`; finer by a decimal."""
    mass = f"{value_mgdl:.1f} mg/dL" if finer else f"{value_mgdl:.0f} mg/dL"
    molar = f"{to_mmoll(value_mgdl):.2f} mmol/L" if finer else f"{to_mmoll(value_mgdl):.1f} mmol/L"
    return f"{molar} ({mass})" if unit == "mmol/L" else f"{mass} ({molar})"


def reading(series: TimeSeries, at: int, unit: GlucoseUnit = "mg/dL") -> str:
    """One glucose reading; a censored one as what it is: `below 40 mg/dL (2.2 mmol/L)`."""
    side = {BELOW: "below ", ABOVE: "above "}.get(int(series.censored[at]), "")
    return side + glucose(float(series.value[at]), unit)


percent: Final = percent_text
count: Final = count_text

_BEFORE_PERCENT: Final = re.compile(r"(?<=\d) (?=%)")


def unbroken(html: str) -> str:
    """A page whose percentages stay in one piece at the end of a line."""
    return _BEFORE_PERCENT.sub("\u00a0", html)


def age(at_ms: int, as_of_ms: int) -> str:
    """How long ago: `12 min ago`, `5 h ago`, `3 days ago`."""
    minutes = max(0, as_of_ms - at_ms) // _MINUTE_MS
    if minutes < 120:
        return f"{minutes} min ago"
    if minutes < 48 * 60:
        return f"{minutes // 60} h ago"
    return f"{minutes // (24 * 60)} days ago"


def moment(at_ms: int, zone: str | None) -> str:
    """A date and time in the patient's zone, or in UTC and saying so."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    if zone is None:
        return f"{at:%d %b %Y %H:%M} UTC"
    return f"{at.astimezone(ZoneInfo(zone)):%d %b %Y %H:%M}"


def day(at_ms: int, zone: str | None) -> str:
    """A date in the patient's zone, or in UTC."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{at.astimezone(ZoneInfo(zone)) if zone else at:%d %b %Y}"


def plain(text: str, longest: int = MAX_PLAIN) -> str:
    """Text of a record made harmless for GFM: no links, markup, control or direction characters (D-01)."""
    kept = "".join(c for c in text if unicodedata.category(c)[0] != "C" or c == " ")
    shown = _BLOCK.sub("", _LINK.sub("(link removed)", kept))
    return " ".join(shown.split())[:longest]


def summary(text: str) -> str:
    """A summary within its limit, cut at a word and never inside a number with its unit (D-02)."""
    line = " ".join(text.split())
    if len(line) <= SUMMARY_LIMIT:
        return line
    words = line[: SUMMARY_LIMIT - 1].rsplit(" ", 1)[0].split(" ")
    while words and re.search(r"\d", words[-1]):
        words.pop()
    return " ".join(words).rstrip(",;:.") + "…"


def fitting(finding: str, *parts: str) -> str:
    """The finding and, one after the other, each part that the limit of a summary has room for whole."""
    line = finding
    for part in parts:
        longer = f"{line}; {part}" if part else line
        line = longer if len(longer) <= SUMMARY_LIMIT else line
    return line


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A GFM table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


_PAIRS: Final = {
    "54": "3.0", "63": "3.5", "69": "3.8", "70": "3.9",
    "140": "7.8", "180": "10.0", "181": "10.1", "250": "13.9",
}  # fmt: skip
"""Consensus limits as both kinds of device write them (Battelino 2019)."""


def band(text_mgdl: str, unit: GlucoseUnit) -> str:
    """A band of the consensus in one unit: `below 70 mg/dL` or `below 3.9 mmol/L`."""
    if unit == "mg/dL":
        return text_mgdl
    return re.sub(r"\d+", lambda found: _PAIRS[found[0]], text_mgdl).replace("mg/dL", "mmol/L")


def band_in_both(text_mgdl: str, unit: GlucoseUnit) -> str:
    """A band of the consensus in both units, the organisation's first: `70-180 mg/dL (3.9-10.0 mmol/L)`."""
    other: GlucoseUnit = "mg/dL" if unit == "mmol/L" else "mmol/L"
    second = band(text_mgdl, other).removeprefix("below ").removeprefix("above ")
    return f"{band(text_mgdl, unit)} ({second})"


def sections(*parts: str) -> str:
    """Parts of a detail with an empty line between them; empty parts are left out."""
    return "\n\n".join(part for part in parts if part)


def bullets(lines: list[str]) -> str:
    """A GFM list."""
    return "\n".join(f"- {line}" for line in lines)


def reasons(answer: NotAssessed | Refused) -> str:
    """Why there is no answer, one line a reason."""
    return bullets([_sentence(reason) for reason in answer.reasons])


def _sentence(reason: Reason) -> str:
    return reason.text if reason.text.endswith(".") else f"{reason.text}."


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def capital(text: str) -> str:
    """The text as it begins a sentence."""
    return text[:1].upper() + text[1:]


def override(code: str, display: str) -> Coding:
    """One of our reasons for overriding a card; codes are stable over time (CA10)."""
    return Coding(OVERRIDE_SYSTEM, code, display)
