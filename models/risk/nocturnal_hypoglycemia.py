"""Risk of an episode of hypoglycaemia between midnight and 06:00, asked in the evening.

Answers `assess(glucose, as_of_ms, zone, recorded)` from CGM, and from what is recorded beside it; the table
is made by `models.training.train_nocturnal`.
An episode is at least 15 minutes below 70 mg/dL (3.9 mmol/L) (Battelino 2019, Diabetes Care 42:1593).
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from models.assessment import Assessment, Interval, NotAssessed, Outcome, Reason, ReasonCode
from models.features.local_time import minute_of_day, zone_of
from models.risk.additive_model import AdditiveModel
from models.risk.causal_grid import MINUTES_PER_SLOT, SLOTS_PER_DAY, Column
from models.risk.glucose_question import GlucoseQuestion, covered, question_of
from models.risk.glucose_risk_features import MEMORY_DAYS
from models.risk.nocturnal_features import NIGHT_SLOTS, nocturnal_features
from models.risk.nocturnal_reasons import TOPICS
from models.risk.recorded_points import RecordedPoints
from models.risk.recorded_terms import NOTHING_RECORDED, OF_TONIGHT, Recorded
from models.risk.risk_reasons import RiskReason, top_reasons
from models.time_series import TimeSeries

TABLE: Final = AdditiveModel.from_json(
    (files("models.risk") / "nocturnal_hypoglycemia.json").read_text(encoding="utf-8")
)
WITH_RECORDED: Final = TABLE.with_terms(TABLE.facts["recorded_terms"])
"""The same table with the optional terms, whose cell for "missing" holds no points."""

LEARNED: Final = RecordedPoints.of(TABLE.facts["recorded_terms"]).learned
"""Those of them that hold any points."""

MODEL: Final = TABLE.name
VERSION: Final = TABLE.version

POSITIVE_FROM: Final = float(TABLE.facts["alarm_threshold"])
"""The risk that the tenth of nights at highest risk passes, on people not learned from."""

BEDTIME_FROM_MIN: Final = 21 * 60
"""The model learned from questions around 23:00; from 21:00 on, the evening it reads is this one."""

DAY_MIN: Final = 1440

ENOUGH_DAYS: Final = 3
ENOUGH_READINGS: Final = ENOUGH_DAYS * SLOTS_PER_DAY * 7 // 10
"""The last three days, 70 % observed (consensus on sensor wear, Battelino 2019)."""

GRID_SLOTS: Final = (MEMORY_DAYS + 1) * SLOTS_PER_DAY + NIGHT_SLOTS


@dataclass(frozen=True, slots=True)
class NocturnalRisk:
    """Probability of an episode between midnight and 06:00, and the topics that move it most.

    The interval is at 90 % and is that of the estimate: how far it would move had other people been
    learned from.
    """

    tonight: Interval
    reasons: tuple[RiskReason, ...]


def assess(
    glucose: TimeSeries, as_of_ms: int, zone_name: str | None, recorded: Recorded = NOTHING_RECORDED
) -> Assessment[NocturnalRisk] | NotAssessed:
    """Tonight's risk, or why it is not assessed. Readings after `as_of_ms` are never read."""
    zone = zone_of(zone_name)
    if isinstance(zone, Reason):
        return NotAssessed(MODEL, VERSION, as_of_ms, (zone,))
    question = question_of(glucose, as_of_ms)
    if isinstance(question, Reason):
        return NotAssessed(MODEL, VERSION, as_of_ms, (question,))
    measured = question.slots(GRID_SLOTS)
    why_not = _why_not(question, measured, zone)
    if why_not is not None:
        return NotAssessed(MODEL, VERSION, as_of_ms, (why_not,))
    return _assessed(question, measured, slots_to_midnight(question.asked_ms, zone), recorded)


def slots_to_midnight(asked_ms: int, zone: ZoneInfo) -> int:
    """Slots from the question to the midnight that follows it on the patient's clock."""
    minute = int(minute_of_day(np.array([asked_ms]), zone)[0])
    return round((DAY_MIN - minute) / MINUTES_PER_SLOT)


def _why_not(question: GlucoseQuestion, measured: Column, zone: ZoneInfo) -> Reason | None:
    if int(minute_of_day(np.array([question.as_of_ms]), zone)[0]) < BEDTIME_FROM_MIN:
        text = "the risk of the coming night is estimated from 21:00 on, when the evening is known"
        return Reason(ReasonCode.OUT_OF_POPULATION, "time_of_day", text)
    if covered(measured, ENOUGH_DAYS * SLOTS_PER_DAY) < ENOUGH_READINGS:
        text = f"CGM covers less than 70 % of the last {ENOUGH_DAYS} days"
        return Reason(ReasonCode.SPARSE, question.seen.signal, text)
    return None


def _assessed(
    question: GlucoseQuestion, measured: Column, to_midnight: int, recorded: Recorded
) -> Assessment[NocturnalRisk]:
    asked = np.array([measured.size - 1])
    of_cgm = nocturnal_features(measured, asked, asked + to_midnight)
    beside = recorded.features(OF_TONIGHT, question.as_of_ms)
    features = of_cgm | beside
    tonight, contributions = WITH_RECORDED.interval(features), WITH_RECORDED.contributions(features)
    positive = tonight.value >= POSITIVE_FROM
    return Assessment(
        model=MODEL,
        version=VERSION,
        as_of_ms=question.as_of_ms,
        outcome=Outcome.ASSESSED_POSITIVE if positive else Outcome.ASSESSED_NEGATIVE,
        result=NocturnalRisk(tonight, top_reasons(TOPICS, contributions)),
        contributions=contributions,
        inputs=(
            question.newest(),
            *recorded.newest({name: beside[name] for name in LEARNED}, question.as_of_ms),
        ),
    )
