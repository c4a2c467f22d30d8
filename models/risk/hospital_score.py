"""HOSPITAL score: risk of a potentially avoidable readmission within 30 days.

One of the published scores. The points for earlier admissions differ between the two versions, so the
version is always named. Sources: Donzé 2013, JAMA Intern Med 173:632; Donzé 2016, JAMA Intern Med 176:496.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from models.assessment import Assessment, Input, NotAssessed
from models.risk.point_score import Bands, PointScore, Score, banded, known, present

Version = Literal["2013", "2016"]

HOSPITAL: Final[Mapping[Version, Score]] = {
    "2013": Score(
        model="hospital_score",
        version="2013",
        source="Donzé J et al., JAMA Intern Med 2013;173:632",
        bands=((0, "low"), (5, "intermediate"), (7, "high")),
        positive_from=7,
    ),
    "2016": Score(
        model="hospital_score",
        version="2016",
        source="Donzé J et al., JAMA Intern Med 2016;176:496",
        bands=((0, "low"), (5, "intermediate"), (7, "high")),
        positive_from=7,
    ),
}

ADMISSIONS: Final[Mapping[Version, Bands]] = {
    "2013": Bands((0, 5), (0, 2, 5)),
    "2016": Bands((1, 5), (0, 2, 5)),
}

HEMOGLOBIN: Final = Bands((11.9,), (1, 0), step=0.1)
SODIUM: Final = Bands((134,), (1, 0))
LENGTH_OF_STAY: Final = Bands((4,), (0, 2))
ONCOLOGY_POINTS: Final = 2


@dataclass(frozen=True, slots=True)
class Discharge:
    """g/dL and mmol/L at discharge, 1 or 0, admissions in the year before, whole days of stay."""

    hemoglobin_g_dl: Input | None = None
    oncology_service: Input | None = None
    sodium_mmoll: Input | None = None
    procedure: Input | None = None
    urgent: Input | None = None
    admissions: Input | None = None
    length_days: Input | None = None


def hospital_score(
    discharge: Discharge, version: Version, as_of_ms: int
) -> Assessment[PointScore] | NotAssessed:
    """Points 0 to 13; a missing item leaves a range."""
    parts = (
        banded("hemoglobin", discharge.hemoglobin_g_dl, HEMOGLOBIN),
        present("oncology_service", discharge.oncology_service, ONCOLOGY_POINTS),
        banded("sodium", discharge.sodium_mmoll, SODIUM),
        present("procedure", discharge.procedure, 1),
        present("urgent_admission", discharge.urgent, 1),
        banded("earlier_admissions", discharge.admissions, ADMISSIONS[version]),
        banded("length_of_stay", discharge.length_days, LENGTH_OF_STAY),
    )
    given = known(
        discharge.hemoglobin_g_dl, discharge.oncology_service, discharge.sodium_mmoll, discharge.procedure,
        discharge.urgent, discharge.admissions, discharge.length_days,
    )  # fmt: skip
    return HOSPITAL[version].answer(parts, given, as_of_ms)
