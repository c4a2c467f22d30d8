"""CHA2DS2-VA and CHA2DS2-VASc: risk of stroke given that atrial fibrillation is known.

One of the published scores; neither says anything about whether there is atrial fibrillation.
Sources: Lip 2010, Chest 137:263 (VASc); Van Gelder 2024, Eur Heart J 45:3314 (ESC 2024, VA).
"""

from dataclasses import dataclass
from typing import Final, Literal

from models.assessment import Assessment, Input, NotAssessed
from models.risk.point_score import Bands, Part, PointScore, Score, banded, known, present

CHA2DS2_VA: Final = Score(
    model="cha2ds2_va",
    version="ESC 2024",
    source="Van Gelder IC et al., Eur Heart J 2024;45:3314",
    bands=((0, "0"), (1, "1: consider anticoagulation"), (2, "2 or more: anticoagulation recommended")),
    positive_from=1,
)

CHA2DS2_VASC: Final = Score(
    model="cha2ds2_vasc",
    version="2010",
    source="Lip GYH et al., Chest 2010;137:263",
    bands=((0, "0"), (1, "1"), (2, "2 or more")),
    positive_from=1,
)

AGE: Final = Bands((64, 74), (0, 1, 2))


@dataclass(frozen=True, slots=True)
class StrokeRiskFactors:
    """Completed years, and 1 or 0 for each history."""

    heart_failure: Input | None = None
    hypertension: Input | None = None
    age_years: Input | None = None
    diabetes: Input | None = None
    stroke_or_embolism: Input | None = None
    vascular_disease: Input | None = None


def cha2ds2_va(factors: StrokeRiskFactors, as_of_ms: int) -> Assessment[PointScore] | NotAssessed:
    """Points 0 to 8, without sex (ESC 2024)."""
    return CHA2DS2_VA.answer(_parts(factors), _given(factors), as_of_ms)


def cha2ds2_vasc(
    factors: StrokeRiskFactors, sex: Literal["female", "male"], as_of_ms: int
) -> Assessment[PointScore] | NotAssessed:
    """Points 0 to 9, with one for female sex (2010)."""
    woman = int(sex == "female")
    parts = (*_parts(factors), Part("sex", woman, woman, float(woman)))
    return CHA2DS2_VASC.answer(parts, _given(factors), as_of_ms)


def _parts(factors: StrokeRiskFactors) -> tuple[Part, ...]:
    return (
        present("heart_failure", factors.heart_failure, 1),
        present("hypertension", factors.hypertension, 1),
        banded("age", factors.age_years, AGE),
        present("diabetes", factors.diabetes, 1),
        present("stroke_or_embolism", factors.stroke_or_embolism, 2),
        present("vascular_disease", factors.vascular_disease, 1),
    )


def _given(factors: StrokeRiskFactors) -> tuple[Input, ...]:
    return known(
        factors.heart_failure, factors.hypertension, factors.age_years, factors.diabetes,
        factors.stroke_or_embolism, factors.vascular_disease,
    )  # fmt: skip
