"""Quick SOFA: three bedside signs of a poor outcome where infection is suspected.

One of the published scores; wearables rarely give consciousness, so the answer is often a range.
Source: Singer 2016, JAMA 315:801 (Sepsis-3).
"""

from dataclasses import dataclass
from typing import Final

from models.assessment import Assessment, Input, NotAssessed
from models.risk.point_score import Bands, PointScore, Score, banded, known

QSOFA: Final = Score(
    model="qsofa",
    version="2016",
    source="Singer M et al., JAMA 2016;315:801 (Sepsis-3)",
    bands=((0, "below 2"), (2, "2 or more")),
    positive_from=2,
)

RESPIRATION: Final = Bands((21,), (0, 1))
SYSTOLIC: Final = Bands((100,), (1, 0))
GLASGOW: Final = Bands((14,), (1, 0))


@dataclass(frozen=True, slots=True)
class BedsideSigns:
    """Respiration per minute, systolic pressure in mmHg, Glasgow Coma Scale 3 to 15."""

    respiration_per_min: Input | None = None
    systolic_mmhg: Input | None = None
    glasgow_coma_scale: Input | None = None


def qsofa(signs: BedsideSigns, as_of_ms: int) -> Assessment[PointScore] | NotAssessed:
    """One point each: respiration >= 22, systolic <= 100, coma scale below 15."""
    parts = (
        banded("respiration_rate", signs.respiration_per_min, RESPIRATION),
        banded("systolic_blood_pressure", signs.systolic_mmhg, SYSTOLIC),
        banded("consciousness", signs.glasgow_coma_scale, GLASGOW),
    )
    given = known(signs.respiration_per_min, signs.systolic_mmhg, signs.glasgow_coma_scale)
    return QSOFA.answer(parts, given, as_of_ms)
