"""The last day of glucose as a small SVG picture for the sandbox's chart page.

Used by `pages`. No inline styles: the page's content policy forbids them, so looks live in the style sheet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from cds_service.sandbox.fhir_words import Resource
from cds_service.sandbox.indexing import date_range
from models.units import to_mgdl, to_mmoll

WIDTH, HEIGHT = 640, 150
LOWEST_MGDL, HIGHEST_MGDL = 40.0, 300.0
TARGET_MGDL: Final = (70.0, 180.0)
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Reading:
    """A glucose value and its instant."""

    at_ms: int
    mgdl: float


def readings(observations: Sequence[Resource]) -> list[Reading]:
    """The glucose values among these Observations that have a time, a number and a known unit, in order."""
    found = [each for observation in observations if (each := _reading(observation))]
    return sorted(found, key=lambda reading: reading.at_ms)


def _reading(observation: Resource) -> Reading | None:
    quantity, span = observation.get("valueQuantity", {}), date_range(observation)
    value, unit = quantity.get("value"), quantity.get("code") or quantity.get("unit")
    if span is None or not isinstance(value, int | float) or unit not in ("mg/dL", "mmol/L"):
        return None
    return Reading(span[0], to_mgdl(value, unit))


def day_strip(values: Sequence[Reading], until_ms: int) -> Markup | None:
    """Dots of the day before `until_ms`, with the band from 70 to 180 mg/dL; None when there are none."""
    shown = [reading for reading in values if until_ms - DAY_MS < reading.at_ms <= until_ms]
    if not shown:
        return None
    dots = "".join(
        f'<circle class="{_band(r.mgdl)}" cx="{_x(r.at_ms, until_ms):.1f}" cy="{_y(r.mgdl):.1f}" r="2"/>'
        for r in shown
    )
    low, high = (_y(limit) for limit in TARGET_MGDL)
    last = shown[-1].mgdl
    label = (
        f"Glucose of the last 24 hours, {len(shown)} readings; "
        f"the last one {last:.0f} mg/dL ({to_mmoll(last):.1f} mmol/L)."
    )
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f'<rect class="target" x="0" y="{high:.1f}" width="{WIDTH}" height="{low - high:.1f}"/>'
        f'<text x="4" y="{high - 4:.1f}">180 mg/dL · 10.0 mmol/L</text>'
        f'<text x="4" y="{low + 14:.1f}">70 mg/dL · 3.9 mmol/L</text>{dots}</svg>'
    )


def _x(at_ms: int, until_ms: int) -> float:
    return (at_ms - until_ms + DAY_MS) / DAY_MS * WIDTH


def _y(mgdl: float) -> float:
    bounded = min(max(mgdl, LOWEST_MGDL), HIGHEST_MGDL)
    return HEIGHT - (bounded - LOWEST_MGDL) / (HIGHEST_MGDL - LOWEST_MGDL) * HEIGHT


def _band(mgdl: float) -> str:
    low, high = TARGET_MGDL
    return "low" if mgdl < low else "high" if mgdl > high else "within"
