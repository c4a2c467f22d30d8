"""LACE: risk of death or unplanned readmission within 30 days of discharge.

One of the published scores. Source: van Walraven 2010, CMAJ 182:551.
"""

from dataclasses import dataclass
from typing import Final

from models.assessment import Assessment, Input, NotAssessed
from models.risk.point_score import Bands, PointScore, Score, banded, known, present

LACE: Final = Score(
    model="lace",
    version="2010",
    source="van Walraven C et al., CMAJ 2010;182:551",
    bands=((0, "below 10"), (10, "10 or more")),
    positive_from=10,
)

LENGTH_OF_STAY: Final = Bands((0, 1, 2, 3, 6, 13), (0, 1, 2, 3, 4, 5, 7))
CHARLSON: Final = Bands((0, 1, 2, 3), (0, 1, 2, 3, 5))
EMERGENCY_VISITS: Final = Bands((0, 1, 2, 3), (0, 1, 2, 3, 4))
ACUTE_POINTS: Final = 3


@dataclass(frozen=True, slots=True)
class Stay:
    """Whole days, acute admission 1 or 0, Charlson index, emergency visits in the six months before."""

    length_days: Input | None = None
    acute: Input | None = None
    charlson_index: Input | None = None
    emergency_visits: Input | None = None


def lace(stay: Stay, as_of_ms: int) -> Assessment[PointScore] | NotAssessed:
    """Points 0 to 19; a missing item leaves a range."""
    parts = (
        banded("length_of_stay", stay.length_days, LENGTH_OF_STAY),
        present("acute_admission", stay.acute, ACUTE_POINTS),
        banded("comorbidity", stay.charlson_index, CHARLSON),
        banded("emergency_visits", stay.emergency_visits, EMERGENCY_VISITS),
    )
    given = known(stay.length_days, stay.acute, stay.charlson_index, stay.emergency_visits)
    return LACE.answer(parts, given, as_of_ms)
