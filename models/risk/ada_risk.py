"""ADA risk test: undiagnosed prediabetes or type 2 diabetes from seven questions.

One of the published scores. Source: Bang 2009, Ann Intern Med 151:775, in the form that the American
Diabetes Association and CDC print, with its weight table in pounds and inches.
"""

from dataclasses import dataclass
from typing import Final, Literal

from models.assessment import Assessment, Input, NotAssessed
from models.risk.point_score import Bands, Part, PointScore, Score, banded, known, present

ADA_RISK: Final = Score(
    model="ada_risk_test",
    version="ADA/CDC form",
    source="Bang H et al., Ann Intern Med 2009;151:775; ADA/CDC prediabetes risk test",
    bands=((0, "below 5"), (5, "5 or more")),
    positive_from=5,
)

AGE: Final = Bands((39, 49, 59), (0, 1, 2, 3))

CM_PER_INCH: Final = 2.54
KG_PER_POUND: Final = 0.45359237
SHORTEST_INCHES: Final = 58

LEAST_POUNDS: Final = (
    (119, 143, 191), (124, 148, 198), (128, 153, 204), (132, 158, 211), (136, 164, 218), (141, 169, 225),
    (145, 174, 232), (150, 180, 240), (155, 186, 247), (159, 191, 255), (164, 197, 262), (169, 203, 270),
    (174, 209, 278), (179, 215, 286), (184, 221, 294), (189, 227, 302), (194, 233, 311), (200, 240, 319),
    (205, 246, 328),
)  # fmt: skip
"""Least weight for 1, 2 and 3 points, for 58 (4 ft 10) to 76 inches (6 ft 4)."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Completed years, cm, kg, and 1 or 0 for the rest."""

    age_years: Input | None = None
    gestational_diabetes: Input | None = None
    family: Input | None = None
    hypertension: Input | None = None
    inactive: Input | None = None
    height_cm: Input | None = None
    weight_kg: Input | None = None


def ada_risk(
    answers: Answers, sex: Literal["female", "male"], as_of_ms: int
) -> Assessment[PointScore] | NotAssessed:
    """Points 0 to 10; 5 or more ask for a test. A missing answer leaves a range."""
    man = int(sex == "male")
    gestational = Part("gestational_diabetes", 0, 0) if man else None
    parts = (
        banded("age", answers.age_years, AGE),
        Part("sex", man, man, float(man)),
        gestational or present("gestational_diabetes", answers.gestational_diabetes, 1),
        present("family", answers.family, 1),
        present("hypertension", answers.hypertension, 1),
        present("physical_activity", answers.inactive, 1),
        _weight(answers.height_cm, answers.weight_kg),
    )
    given = known(
        answers.age_years, answers.gestational_diabetes, answers.family, answers.hypertension,
        answers.inactive, answers.height_cm, answers.weight_kg,
    )  # fmt: skip
    return ADA_RISK.answer(parts, given, as_of_ms)


def _weight(height: Input | None, weight: Input | None) -> Part:
    """Points of the weight table; all four remain possible for a height that it does not print."""
    row = -1 if height is None else round(float(height.value) / CM_PER_INCH) - SHORTEST_INCHES
    if weight is None or not 0 <= row < len(LEAST_POUNDS):
        return Part("weight_for_height", 0, 3)
    pounds = round(float(weight.value) / KG_PER_POUND)
    points = sum(pounds >= least for least in LEAST_POUNDS[row])
    return Part("weight_for_height", points, points, float(weight.value))
