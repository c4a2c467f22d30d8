"""Who the simulated patients are: their story, problems, labs, insulin and where their glucose comes from.

Data only; `patients` turns each persona into FHIR resources. Names are made up and say so.
"""

from dataclasses import dataclass
from typing import Final

from cds_service.sandbox.fhir_words import ICD10, SNOMED
from cds_service.sandbox.glucose_shapes import GlucoseShape

Codes = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """An active condition: its codes, its name, and for how many years."""

    codes: Codes
    text: str
    years: int


@dataclass(frozen=True, slots=True)
class PumpTherapy:
    """A life on an insulin pump, by the project's simulator: which virtual patient, and what is set wrong."""

    virtual_patient: str
    night_basal_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class BasalInsulin:
    """Long-acting insulin once a day: RxNorm code, units, and the EventTiming code of the hour."""

    rxcui: str
    units: float
    when: str = "HS"


@dataclass(frozen=True, slots=True)
class Sensor:
    """How glucose is measured. `worn_share` of all readings arrive; the last one is `silent_days` old."""

    worn_share: float = 1.0
    silent_days: int = 0
    molar: bool = False
    fingersticks: bool = False


@dataclass(frozen=True, slots=True)
class Labs:
    """The newest laboratory values and how old they are."""

    hba1c_percent: float
    egfr: int
    days_old: int = 40


@dataclass(frozen=True, slots=True)
class Persona:
    """One simulated patient."""

    id: str
    given: str
    family: str
    gender: str
    age_years: int
    zone: str
    story: str
    weight_kg: float
    height_cm: float
    problems: tuple[Problem, ...] = ()
    labs: Labs | None = None
    glucose: PumpTherapy | GlucoseShape | None = None
    sensor: Sensor = Sensor()
    basal: BasalInsulin | None = None
    tablets: tuple[tuple[str, str], ...] = ()
    allergies: tuple[tuple[str, str], ...] = ()
    watch: bool = False


def _type_1(years: int) -> Problem:
    return Problem(((SNOMED, "46635009"), (ICD10, "E10.9")), "Type 1 diabetes mellitus", years)


def _type_2(years: int) -> Problem:
    return Problem(((SNOMED, "44054006"), (ICD10, "E11.65")), "Type 2 diabetes mellitus", years)


_METFORMIN: Final = ("861007", "metformin hydrochloride 500 MG Oral Tablet")
_GLARGINE_U100: Final = "847230"
_PENICILLIN: Final = ("91936005", "Allergy to penicillin")
_SULFONAMIDE: Final = ("91939003", "Allergy to sulfonamide")
_NONE_KNOWN: Final = ("716186003", "No known allergy")
_HEART_FAILURE: Final = Problem(((SNOMED, "84114007"), (ICD10, "I50.9")), "Heart failure", 4)
_KIDNEY_3B: Final = Problem(((SNOMED, "700379002"), (ICD10, "N18.32")), "Chronic kidney disease, stage 3b", 6)

PERSONAS: Final = (
    Persona(
        "sim-pump", "Iris", "Demo-Birch", "female", 34, "Europe/Helsinki",
        "Type 1 diabetes on an insulin pump with CGM; meals are often bolused late or missed.",
        67.0, 168.0, (_type_1(21),), Labs(7.3, 96), PumpTherapy("adult#004"),
    ),
    Persona(
        "sim-night-lows", "Noah", "Demo-Cedar", "male", 27, "America/New_York",
        "Type 1 diabetes on an insulin pump; basal is set too high at night.",
        78.0, 181.0, (_type_1(12),), Labs(6.7, 102), PumpTherapy("adult#009", 1.6),
    ),
    Persona(
        "sim-glargine", "Grace", "Demo-Maple", "female", 58, "America/Chicago",
        "Type 2 diabetes on glargine and metformin, CGM, fasting glucose above target.",
        92.0, 165.0, (_type_2(11),), Labs(8.4, 78), GlucoseShape(152.0, 70.0, 14.0, 0.0, 8.0),
        basal=BasalInsulin(_GLARGINE_U100, 24), tablets=(_METFORMIN,), allergies=(_PENICILLIN,),
    ),
    Persona(
        "sim-fingersticks", "Tomas", "Demo-Oak", "male", 63, "Europe/Madrid",
        "Type 2 diabetes on glargine; no CGM, fingersticks before breakfast and dinner.",
        88.0, 174.0, (_type_2(9),), Labs(8.1, 71), GlucoseShape(160.0, 55.0, 12.0, 0.0, 8.0),
        Sensor(fingersticks=True), BasalInsulin(_GLARGINE_U100, 18), (_METFORMIN,), (_NONE_KNOWN,),
    ),
    Persona(
        "sim-frail", "Elsa", "Demo-Willow", "female", 82, "America/New_York",
        "Frail, type 2 diabetes with kidney disease and heart failure; glargine, lows before dawn.",
        58.0, 158.0, (_type_2(24), _KIDNEY_3B, _HEART_FAILURE), Labs(6.6, 34),
        GlucoseShape(112.0, 60.0, 0.0, -52.0, 9.0), basal=BasalInsulin(_GLARGINE_U100, 30),
        allergies=(_PENICILLIN, _SULFONAMIDE),
    ),
    Persona(
        "sim-sparse", "Sam", "Demo-Aspen", "male", 45, "America/Denver",
        "Type 1 diabetes; the sensor was worn less than half of the time.",
        81.0, 179.0, (_type_1(30),), Labs(7.9, 88), PumpTherapy("adult#006"), Sensor(worn_share=0.35),
    ),
    Persona(
        "sim-stale", "Ruth", "Demo-Elm", "female", 51, "America/Chicago",
        "Type 2 diabetes on glargine; the last sensor reading is nine days old.",
        85.0, 162.0, (_type_2(8),), Labs(8.8, 83), GlucoseShape(165.0, 75.0, 15.0, 0.0, 8.0),
        Sensor(silent_days=9), BasalInsulin(_GLARGINE_U100, 20), (_METFORMIN,),
    ),
    Persona(
        "sim-molar", "Oli", "Demo-Rowan", "male", 41, "Europe/London",
        "Type 1 diabetes on an insulin pump; the sensor reports mmol/L.",
        75.0, 177.0, (_type_1(17),), Labs(7.0, 99), PumpTherapy("adult#001"), Sensor(molar=True),
    ),
    Persona(
        "sim-watch", "Wren", "Demo-Hazel", "female", 38, "America/Los_Angeles",
        "No diabetes; a watch reports vital signs, and they changed three days ago.",
        64.0, 170.0, watch=True,
    ),
)  # fmt: skip
"""The roster. Weights of people on a pump differ from their virtual patient's: only the glucose is theirs."""
