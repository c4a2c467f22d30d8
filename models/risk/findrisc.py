"""FINDRISC: eight questions on the risk of type 2 diabetes within ten years.

One of the published scores. Source: Lindström and Tuomilehto 2003, Diabetes Care 26:725, with the
age band above 64 and the family item of the form that the Finnish Diabetes Association prints.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from models.assessment import Assessment, Input, NotAssessed
from models.risk.point_score import Bands, PointScore, Score, banded, known, present

FINDRISC: Final = Score(
    model="findrisc",
    version="2003, form with age above 64",
    source="Lindström J, Tuomilehto J, Diabetes Care 2003;26:725",
    bands=((0, "low"), (7, "slightly elevated"), (12, "moderate"), (15, "high"), (21, "very high")),
    positive_from=15,
)

TEN_YEAR_RISK_PERCENT: Final[Mapping[str, int]] = {
    "low": 1, "slightly elevated": 4, "moderate": 17, "high": 33, "very high": 50,
}  # fmt: skip
"""Share that develops type 2 diabetes, as printed on the form."""

AGE: Final = Bands((44, 54, 64), (0, 2, 3, 4))
BMI: Final = Bands((24.9, 30.0), (0, 1, 3), step=0.1)
WAIST: Final = {"male": Bands((93, 102), (0, 3, 4)), "female": Bands((79, 88), (0, 3, 4))}
FAMILY: Final = Bands((0, 2), (0, 3, 5))


@dataclass(frozen=True, slots=True)
class Answers:
    """Completed years, kg/m2, cm, and 1 or 0. `family` is the degree of the nearest relative with diabetes
    counted from afar: 0 none, 2 grandparent, aunt, uncle or first cousin, 3 parent, sibling or own child.
    """

    age_years: Input | None = None
    bmi: Input | None = None
    waist_cm: Input | None = None
    inactive: Input | None = None
    no_daily_vegetables: Input | None = None
    on_antihypertensive: Input | None = None
    ever_high_glucose: Input | None = None
    family: Input | None = None


def findrisc(
    answers: Answers, sex: Literal["female", "male"], as_of_ms: int
) -> Assessment[PointScore] | NotAssessed:
    """Points 0 to 26; a missing answer leaves a range."""
    parts = (
        banded("age", answers.age_years, AGE),
        banded("body_mass_index", answers.bmi, BMI),
        banded("waist", answers.waist_cm, WAIST[sex]),
        present("physical_activity", answers.inactive, 2),
        present("vegetables_and_fruit", answers.no_daily_vegetables, 1),
        present("blood_pressure_medication", answers.on_antihypertensive, 2),
        present("high_glucose_before", answers.ever_high_glucose, 5),
        banded("family", answers.family, FAMILY),
    )
    given = known(
        answers.age_years, answers.bmi, answers.waist_cm, answers.inactive, answers.no_daily_vegetables,
        answers.on_antihypertensive, answers.ever_high_glucose, answers.family,
    )  # fmt: skip
    return FINDRISC.answer(parts, given, as_of_ms)
