"""The risk of a new low within the next hours, as lines of the glucose review and a card where it is raised.

Part of the service `glucose-review`; asks `models.risk.hypoglycemia`, and says why where it does not answer.
"""

from dataclasses import dataclass
from typing import Final

from hooks import wording
from hooks.card import Card, Coding, Indicator, Source
from hooks.glucose_card import OVERRIDE_REASONS
from hooks.service import AnyAssessment, Question
from models.assessment import Assessment, Interval, NotAssessed, Outcome, Reason, ReasonCode
from models.features.targets import ADULT_YEARS
from models.risk.hypoglycemia import LEADING_MIN, MODEL, VERSION, HypoglycemiaRisk, assess
from models.time_series import TimeSeries

MADE_FOR: Final = "type_1_diabetes"
"""The people it was learned from; for anybody else the model has not been shown to hold."""


SMALLEST_SHOWN: Final = 0.01


@dataclass(frozen=True, slots=True)
class RiskPart:
    """What the review says of the next hours: lines of its detail, and a card of its own where raised."""

    assessment: AnyAssessment
    lines: tuple[str, ...]
    card: Card | None = None


def next_hours(question: Question, glucose: TimeSeries) -> RiskPart:
    """The risk as of the question, or the reason why none is stated."""
    answer = _ask(question, glucose)
    if isinstance(answer, NotAssessed):
        why = "; ".join(reason.text for reason in answer.reasons)
        return RiskPart(answer, (f"Risk of a low in the next hours: not assessed, {why}",))
    raised = answer.outcome is Outcome.ASSESSED_POSITIVE
    return RiskPart(answer, _lines(answer.result), _card(question, answer) if raised else None)


def why_not_for(question: Question) -> Reason | None:
    """Why the risk models of lows do not hold for this patient; None where they do."""
    adult = question.age_years is not None and question.age_years >= ADULT_YEARS
    if adult and MADE_FOR in question.record.concepts():
        return None
    text = "the model holds for adults with type 1 diabetes on the problem list"
    return Reason(ReasonCode.OUT_OF_POPULATION, "diabetes_type", text)


def _ask(question: Question, glucose: TimeSeries) -> Assessment[HypoglycemiaRisk] | NotAssessed:
    outside = why_not_for(question)
    if outside is not None:
        return NotAssessed(MODEL, VERSION, question.as_of_ms, (outside,))
    try:
        return assess(glucose, question.as_of_ms)
    except Exception:  # one model's fault must not take the review with it (ER4, J-03)
        reason = Reason(ReasonCode.FAULT, "model", "the model met a fault of its own")
        return NotAssessed(MODEL, VERSION, question.as_of_ms, (reason,))


def _lines(risk: HypoglycemiaRisk) -> tuple[str, ...]:
    stated = "; ".join(f"{minutes} min {_share(within)}" for minutes, within in risk.within_min.items())
    reasons = "; ".join(
        f"{reason.text} ({'raises' if reason.raises else 'lowers'} it)" for reason in risk.reasons
    )
    return (
        f"Risk of a new low (below 70 mg/dL, 3.9 mmol/L, for 15 minutes) within {stated}",
        f"Main reasons: {reasons}",
    )


def _share(within: Interval) -> str:
    """The risk with its interval; decimals below one percent would claim more than is known."""
    if within.high < SMALLEST_SHOWN:
        return "under 1 %"
    low, high = wording.percent(100 * within.low), wording.percent(100 * within.high)
    return f"{wording.percent(100 * within.value)} ({low} to {high})"


def _card(question: Question, answer: Assessment[HypoglycemiaRisk]) -> Card:
    url, risk = question.practice.models_url, answer.result
    within = wording.percent(100 * risk.within_min[LEADING_MIN].value)
    topic = Coding(wording.TOPIC_SYSTEM, MODEL, "Risk of hypoglycaemia")
    return Card(
        uuid=question.uuid("hypoglycemia-risk"),
        summary=wording.summary(
            f"Risk of glucose below 70 mg/dL (3.9 mmol/L) within {LEADING_MIN} min: {within}"
        ),
        indicator=Indicator.WARNING,
        source=Source(f"Wearable CDS {MODEL} {VERSION}", topic, f"{url}/{MODEL}" if url else None),
        detail=wording.sections(
            wording.bullets([*_lines(risk)]),
            "A small carbohydrate snack or less insulin lowers this risk; what fits is for the patient and "
            "clinician to decide. Estimated from CGM alone: insulin, food and activity are not known to it. "
            f"As of {wording.moment(risk.asked_at_ms, question.zone)}; not an alarm.",
        ),
        override_reasons=OVERRIDE_REASONS,
    )
