"""Risk that a new episode of hypoglycaemia starts within 30, 60 or 120 minutes, from CGM alone.

Answers `assess(glucose, as_of_ms)`; the tables beside it are made by `models.training.train_hypoglycemia`.
An episode is at least 15 minutes below 70 mg/dL (3.9 mmol/L) (Battelino 2019, Diabetes Care 42:1593).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import numpy as np

from models.assessment import (
    Assessment,
    Contribution,
    Input,
    Interval,
    NotAssessed,
    Outcome,
    Reason,
    ReasonCode,
)
from models.risk.additive_model import AdditiveModel, Array
from models.risk.causal_grid import SLOT_MS, SLOTS_PER_DAY, Column, held, slots_of, trailing_count
from models.risk.glucose_risk_features import LOW_MGDL, MEMORY_DAYS, SAME_TIME_SLOTS, risk_features
from models.risk.hypoglycemia_limits import ENOUGH_READINGS, RECENT_SLOTS, STALE_AFTER_MS
from models.risk.hypoglycemia_reasons import RiskReason, top_reasons
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
    seen = glucose.take(np.arange(int(np.searchsorted(glucose.at_ms, as_of_ms, side="right"))))
    if not len(seen):
        return _not_assessed(as_of_ms, ReasonCode.MISSING, "no CGM reading is at hand")
    measured = measured_until(seen, as_of_ms)
    why_not = _why_not(seen, measured, as_of_ms)
    if why_not:
        return NotAssessed(MODEL, VERSION, as_of_ms, why_not)
    return _assessed(seen, measured, as_of_ms)


def measured_until(seen: TimeSeries, as_of_ms: int) -> Column:
    """Readings on 5-minute slots counted back from the newest; the last slot is that of the question."""
    newest_ms = int(seen.at_ms[-1])
    waited = (as_of_ms - newest_ms) // SLOT_MS
    return slots_of(seen.at_ms, seen.value, newest_ms + waited * SLOT_MS, GRID_SLOTS)


def _why_not(seen: TimeSeries, measured: Column, as_of_ms: int) -> tuple[Reason, ...]:
    age_ms = as_of_ms - int(seen.at_ms[-1])
    if age_ms > STALE_AFTER_MS:
        text = f"the newest CGM reading is {age_ms // 60_000} minutes old; at most 15 are accepted"
        return (Reason(ReasonCode.STALE, "glucose_cgm", text),)
    if seen.value[-1] < LOW_MGDL:
        text = "glucose is already below 70 mg/dL (3.9 mmol/L); the model speaks of new episodes only"
        return (Reason(ReasonCode.OUT_OF_POPULATION, "glucose_cgm", text),)
    if trailing_count(held(measured)[0], RECENT_SLOTS)[-1] < ENOUGH_READINGS:
        text = "CGM covers less than two of the last three hours"
        return (Reason(ReasonCode.SPARSE, "glucose_cgm", text),)
    return ()


def _assessed(seen: TimeSeries, measured: Column, as_of_ms: int) -> Assessment[HypoglycemiaRisk]:
    features = risk_features(measured, np.array([measured.size - 1]))
    within, limits = _rising({horizon: model.interval(features) for horizon, model in MODELS.items()})
    contributions = _contributions(MODELS[LEADING_MIN], features)
    result = HypoglycemiaRisk(
        within, top_reasons(contributions), as_of_ms - (as_of_ms - int(seen.at_ms[-1])) % SLOT_MS
    )
    positive = within[LEADING_MIN].value >= POSITIVE_FROM
    return Assessment(
        model=MODEL,
        version=VERSION,
        as_of_ms=as_of_ms,
        outcome=Outcome.ASSESSED_POSITIVE if positive else Outcome.ASSESSED_NEGATIVE,
        result=result,
        contributions=contributions,
        limits=limits,
        inputs=(_newest(seen),),
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


def _contributions(model: AdditiveModel, features: Mapping[str, Array]) -> tuple[Contribution, ...]:
    points = model.points(features)[0]
    terms = tuple(
        Contribution(term.feature, _known(features[term.feature][0]), float(p))
        for term, p in zip(model.terms, points, strict=True)
    )
    return (Contribution("intercept", None, model.intercept), *terms)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _newest(seen: TimeSeries) -> Input:
    reference = seen.references[int(seen.reference[-1])]
    return Input("glucose_cgm", float(seen.value[-1]), "mg/dL", int(seen.at_ms[-1]), reference)


def _not_assessed(as_of_ms: int, code: ReasonCode, text: str) -> NotAssessed:
    return NotAssessed(MODEL, VERSION, as_of_ms, (Reason(code, "glucose_cgm", text),))
