"""National Early Warning Score 2 of seven vital signs, on either oxygen saturation scale.

One of the published scores; the answer is a range where a vital sign is missing.
Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, London 2017.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from models.assessment import Assessment, Input, NotAssessed, Outcome
from models.risk.point_score import Bands, Part, PointScore, Score, banded, known, present

NEWS2: Final = Score(
    model="news2",
    version="2017",
    source="Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017",
    bands=((0, "low"), (5, "medium"), (7, "high")),
    positive_from=5,
)

RESPIRATION: Final = Bands((8, 11, 20, 24), (3, 1, 0, 2, 3))
SPO2_SCALE_1: Final = Bands((91, 93, 95), (3, 2, 1, 0))
SPO2_SCALE_2_AIR: Final = Bands((83, 85, 87), (3, 2, 1, 0))
SPO2_SCALE_2_OXYGEN: Final = Bands((83, 85, 87, 92, 94, 96), (3, 2, 1, 0, 1, 2, 3))
SYSTOLIC: Final = Bands((90, 100, 110, 219), (3, 2, 1, 0, 3))
PULSE: Final = Bands((40, 50, 90, 110, 130), (3, 1, 0, 1, 2, 3))
TEMPERATURE: Final = Bands((35.0, 36.0, 38.0, 39.0), (3, 1, 0, 1, 2), step=0.1)

ON_OXYGEN_POINTS: Final = 2
CONFUSION_POINTS: Final = 3
URGENT_SINGLE: Final = 3
LOW_MEDIUM: Final = "low-medium"
"""Three points in one vital sign put a total below five into a band of its own: urgent ward-based review."""

RISKS: Final = ("low", LOW_MEDIUM, "medium", "high")
"""The report's names of the clinical risk, ascending."""


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """The seven items. `on_oxygen` is 1 or 0; `new_confusion` is 1 for C, V, P or U of ACVPU, 0 for alert."""

    respiration_per_min: Input | None = None
    spo2_percent: Input | None = None
    on_oxygen: Input | None = None
    systolic_mmhg: Input | None = None
    pulse_per_min: Input | None = None
    new_confusion: Input | None = None
    temperature_c: Input | None = None


def news2(
    vitals: VitalSigns, spo2_scale: Literal[1, 2], as_of_ms: int
) -> Assessment[PointScore] | NotAssessed:
    """NEWS2 points. Scale 2 is for a target of 88 to 92 %, prescribed by a specialist, never guessed.

    Positive from five points, and below them where one sign alone scores three.
    """
    parts = (
        banded("respiration_rate", vitals.respiration_per_min, RESPIRATION),
        _saturation(vitals.spo2_percent, vitals.on_oxygen, spo2_scale),
        present("supplemental_oxygen", vitals.on_oxygen, ON_OXYGEN_POINTS),
        banded("systolic_blood_pressure", vitals.systolic_mmhg, SYSTOLIC),
        banded("pulse", vitals.pulse_per_min, PULSE),
        present("consciousness", vitals.new_confusion, CONFUSION_POINTS),
        banded("temperature", vitals.temperature_c, TEMPERATURE),
    )
    given = known(
        vitals.respiration_per_min, vitals.spo2_percent, vitals.on_oxygen, vitals.systolic_mmhg,
        vitals.pulse_per_min, vitals.new_confusion, vitals.temperature_c,
    )  # fmt: skip
    answer = NEWS2.answer(parts, given, as_of_ms)
    return answer if isinstance(answer, NotAssessed) else _with_red_signs(answer)


def red_signs(score: PointScore) -> tuple[str, ...]:
    """Vital signs that alone score three points."""
    return tuple(part.name for part in score.parts if part.low == URGENT_SINGLE)


def _with_red_signs(answer: Assessment[PointScore]) -> Assessment[PointScore]:
    """The answer with the band low-medium where a single sign puts it there, or may once it is known."""
    score = answer.result
    totals = [score.low - part.low + URGENT_SINGLE for part in score.parts if part.high == URGENT_SINGLE]
    if min(totals, default=NEWS2.positive_from) >= NEWS2.positive_from:
        return answer
    certain = bool(red_signs(score))
    lowest = (LOW_MEDIUM,) if certain else (score.bands[0], LOW_MEDIUM)
    outcome = Outcome.ASSESSED_POSITIVE if certain else Outcome.PARTIAL
    return replace(answer, outcome=outcome, result=replace(score, bands=(*lowest, *score.bands[1:])))


def _saturation(spo2: Input | None, on_oxygen: Input | None, scale: Literal[1, 2]) -> Part:
    if scale == 1:
        return banded("oxygen_saturation", spo2, SPO2_SCALE_1)
    if on_oxygen is not None:
        table = SPO2_SCALE_2_OXYGEN if float(on_oxygen.value) else SPO2_SCALE_2_AIR
        return banded("oxygen_saturation", spo2, table)
    either = [banded("oxygen_saturation", spo2, table) for table in (SPO2_SCALE_2_AIR, SPO2_SCALE_2_OXYGEN)]
    return Part(
        "oxygen_saturation",
        min(part.low for part in either),
        max(part.high for part in either),
        either[0].value,
    )
