"""Risk that a new episode of hypoglycaemia starts within 30, 60 or 120 minutes, from CGM alone.

Answers `assess(glucose, as_of_ms)`; the tables beside it are made by `models.training.train_short_term`.
An episode is at least 15 minutes below 70 mg/dL (3.9 mmol/L) (Battelino 2019, Diabetes Care 42:1593).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import numpy as np

from models.assessment import Assessment, Interval, NotAssessed, Outcome, Reason, ReasonCode
from models.risk.additive_model import AdditiveModel
from models.risk.causal_grid import SLOTS_PER_DAY, Column
from models.risk.glucose_episodes import LOW_MGDL
from models.risk.glucose_question import GlucoseQuestion, covered, question_of
from models.risk.glucose_risk_features import MEMORY_DAYS, SAME_TIME_SLOTS, risk_features
from models.risk.hypoglycemia_limits import ENOUGH_READINGS, RECENT_SLOTS
from models.risk.hypoglycemia_reasons import TOPICS
from models.risk.risk_reasons import RiskReason, top_reasons
from models.time_series import TimeSeries

MODEL: Final = "hypoglycemia"

MODELS: Final[Mapping[int, AdditiveModel]] = {
    horizon: AdditiveModel.from_json((files("models.risk") / f"hypoglycemia_{horizon}.json").read_text())
    for horizon in (30, 60, 120)
}
"""One additive model for each horizon in minutes."""

LEADING_MIN: Final = 60
"""The horizon whose reasons and contributions are stated, and which decides the outcome."""

POSITIVE_FROM: Final = float(MODELS[LEADING_MIN].facts["alarm_threshold"])
"""The 60-minute risk that finds 80 % of the episodes of people not learned from."""

VERSION: Final = MODELS[LEADING_MIN].version

GRID_SLOTS: Final = MEMORY_DAYS * SLOTS_PER_DAY + SAME_TIME_SLOTS


@dataclass(frozen=True, slots=True)
class HypoglycemiaRisk:
    """Probability of a new episode within each horizon (minutes), counted from `asked_at_ms`.

    Each interval is at 90 % and is that of the estimate: how far it would move had other people been
    learned from. `reasons` are the three topics that move the 60-minute risk most, largest first.
    """

    within_min: Mapping[int, Interval]
    reasons: tuple[RiskReason, ...]
    asked_at_ms: int


def assess(glucose: TimeSeries, as_of_ms: int) -> Assessment[HypoglycemiaRisk] | NotAssessed:
    """The risk at `as_of_ms`, or why it is not assessed. Readings after `as_of_ms` are never read."""
    question = question_of(glucose, as_of_ms)
    if isinstance(question, Reason):
        return NotAssessed(MODEL, VERSION, as_of_ms, (question,))
    measured = question.slots(GRID_SLOTS)
    why_not = _why_not(question, measured)
    if why_not is not None:
        return NotAssessed(MODEL, VERSION, as_of_ms, (why_not,))
    return _assessed(question, measured)


def _why_not(question: GlucoseQuestion, measured: Column) -> Reason | None:
    signal = question.seen.signal
    if question.seen.value[-1] < LOW_MGDL:
        text = "glucose is already below 70 mg/dL (3.9 mmol/L); the model speaks of new episodes only"
        return Reason(ReasonCode.OUT_OF_POPULATION, signal, text)
    if covered(measured, RECENT_SLOTS) < ENOUGH_READINGS:
        return Reason(ReasonCode.SPARSE, signal, "CGM covers less than two of the last three hours")
    return None


def _assessed(question: GlucoseQuestion, measured: Column) -> Assessment[HypoglycemiaRisk]:
    features = risk_features(measured, np.array([measured.size - 1]))
    within, limits = _rising({horizon: model.interval(features) for horizon, model in MODELS.items()})
    contributions = MODELS[LEADING_MIN].contributions(features)
    positive = within[LEADING_MIN].value >= POSITIVE_FROM
    return Assessment(
        model=MODEL,
        version=VERSION,
        as_of_ms=question.as_of_ms,
        outcome=Outcome.ASSESSED_POSITIVE if positive else Outcome.ASSESSED_NEGATIVE,
        result=HypoglycemiaRisk(within, top_reasons(TOPICS, contributions), question.asked_ms),
        contributions=contributions,
        limits=limits,
        inputs=(question.newest(),),
    )


def _rising(within: Mapping[int, Interval]) -> tuple[dict[int, Interval], tuple[str, ...]]:
    """A longer horizon holds the shorter one: its risk is never stated lower."""
    held_up: dict[int, Interval] = {}
    limits: list[str] = []
    least = Interval(0.0, 0.0, 0.0)
    for horizon, stated in within.items():
        if stated.value < least.value:
            limits.append(f"the {horizon}-minute risk was raised to that of the shorter horizon")
            stated = least
        held_up[horizon] = least = stated
    return held_up, tuple(limits)
