"""The risk of a new low within the next hours, as lines of the glucose review and a card where it is raised.

Part of the service `glucose-review`; asks `models.risk.hypoglycemia`, and says why where it does not answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final, TypeVar

from hooks import wording
from hooks.beside_cgm import estimated_from, recorded
from hooks.card import Card, Coding, Indicator, Source
from hooks.glucose_card import OVERRIDE_REASONS
from hooks.service import AnyAssessment, Question
from models.assessment import Assessment, Interval, NotAssessed, Outcome, Reason, ReasonCode
from models.features.bands import LOW, shown_glucose
from models.features.targets import ADULT_YEARS, PREGNANCY
from models.risk.episode_risk import LEADING_MIN, EpisodeModel, EpisodeRisk
from models.risk.hypoglycemia import HYPOGLYCEMIA
from models.risk.risk_reasons import RiskReason
from models.signals import GLUCOSE_SMBG
from models.time_series import TimeSeries

Risk = TypeVar("Risk")

MADE_FOR: Final = "type_1_diabetes"
"""The people it was learned from; for anybody else the model has not been shown to hold."""


CONTRADICTED_MS: Final = 60 * 60_000
"""A low by the meter is said as current for an hour; so long no number stands beside it that denies it."""

A_LOW: Final = "a low"
NEXT_HOURS: Final = "a low in the next hours"
USUAL_CARE: Final = "This is the risk with usual self-care; in somebody who does not act it is higher."
"""The people learned from saw their glucose, and often ate when it fell."""

SMALLEST_SHOWN: Final = 0.01
SMALLEST_END: Final = 0.001
"""Smaller risks, and smaller upper ends of intervals, are not told apart in words."""


@dataclass(frozen=True, slots=True)
class RiskPart:
    """What the review says of one risk: lines of its detail, a card of its own where it is raised.

    `of` names what the risk is of, and when.
    """

    of: str
    assessment: AnyAssessment
    lines: tuple[str, ...] = ()
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class Raised:
    """A risk of a low above its threshold: of which model, when, how large, asked when, made of what."""

    model: str
    version: str
    when: str
    within: Interval
    asked_ms: int
    estimated_from: str


def next_hours(question: Question, glucose: TimeSeries) -> RiskPart:
    """The risk as of the question, or the reason why none is stated."""
    answer = asked_episode(question, HYPOGLYCEMIA, glucose)
    if isinstance(answer, NotAssessed):
        return RiskPart(NEXT_HOURS, answer)
    raised = answer.outcome is Outcome.ASSESSED_POSITIVE
    return RiskPart(NEXT_HOURS, answer, _lines(answer.result), _card(question, answer) if raised else None)


def risk_lines(parts: Sequence[RiskPart]) -> tuple[str, ...]:
    """The lines of the parts without a card; one line for all that have the same reason for no number."""
    silent: dict[str, list[str]] = {}
    for part in parts:
        if isinstance(part.assessment, NotAssessed):
            why = "; ".join(reason.text for reason in part.assessment.reasons)
            silent.setdefault(why, []).append(part.of)
    stated = [line for part in parts if not part.card for line in part.lines]
    unsaid = [f"Risk of {wording.listed(of)}: not assessed, {why}" for why, of in silent.items()]
    return (*stated, *unsaid)


def asked_episode(
    question: Question, model: EpisodeModel, glucose: TimeSeries
) -> Assessment[EpisodeRisk] | NotAssessed:
    """The answer of a model of the next two hours."""
    return asked(
        question,
        model.name,
        model.version,
        lambda: model.assess(glucose, question.as_of_ms, question.zone, recorded(question)),
    )


def why_not_for(question: Question) -> Reason | None:
    """Why the risk models of glucose do not hold for this patient now; None where they do."""
    adult = question.age_years is not None and question.age_years >= ADULT_YEARS
    concepts = question.record.concepts()
    if not adult or MADE_FOR not in concepts:
        text = "the model holds for adults with type 1 diabetes on the problem list"
        return Reason(ReasonCode.OUT_OF_POPULATION, "diabetes_type", text)
    if concepts & PREGNANCY:
        return Reason(ReasonCode.OUT_OF_POPULATION, "pregnancy", "the model has not been shown in pregnancy")
    return _contradicted(question)


def _contradicted(question: Question) -> Reason | None:
    """A low by the meter within the hour: what a sensor model then says may be wrong; None without one."""
    meter = question.record.series.get(GLUCOSE_SMBG)
    recent = meter and meter.between(question.as_of_ms - CONTRADICTED_MS, question.as_of_ms)
    if recent is None or not shown_glucose(recent).below(LOW).any():
        return None
    text = "a meter reading of the last hour is below 70 mg/dL (3.9 mmol/L), and the model reads no meter"
    return Reason(ReasonCode.UNSAFE, GLUCOSE_SMBG, text)


def asked(
    question: Question, model: str, version: str, ask: Callable[[], Assessment[Risk] | NotAssessed]
) -> Assessment[Risk] | NotAssessed:
    """The answer of a glucose risk model, where it holds for this patient and meets no fault of its own."""
    outside = why_not_for(question)
    if outside is not None:
        return NotAssessed(model, version, question.as_of_ms, (outside,))
    try:
        answer = ask()
        if isinstance(answer, Assessment) and not all(isfinite(c.points) for c in answer.contributions):
            raise ArithmeticError
        return answer
    except Exception:  # one model's fault must not take the review with it (ER4, J-03)
        reason = Reason(ReasonCode.FAULT, "model", "the model met a fault of its own")
        return NotAssessed(model, version, question.as_of_ms, (reason,))


def by_horizon(risk: EpisodeRisk) -> str:
    """The risk within each horizon, with its interval; that it is as high at least where it was held up."""
    said, before = [], None
    for minutes, within in risk.within_min.items():
        said.append(f"{minutes} min {'at least that' if within == before else share(within)}")
        before = within
    return "; ".join(said)


def _lines(risk: EpisodeRisk) -> tuple[str, ...]:
    return (
        "Risk of a new low (below 70 mg/dL, 3.9 mmol/L, for 15 minutes), with its 90 % interval, within "
        f"{by_horizon(risk)}",
        main_reasons(risk.reasons),
    )


def main_reasons(reasons: Sequence[RiskReason]) -> str:
    """What moves a risk most, each with its value and its direction."""
    said = (f"{reason.text} ({'raises' if reason.raises else 'lowers'} it)" for reason in reasons)
    return f"Main reasons: {'; '.join(said)}"


def share(within: Interval) -> str:
    """The risk with its interval; of a risk under one percent the upper end alone says how sure that is."""
    if within.value < SMALLEST_SHOWN:
        return f"under 1 % (up to {wording.percent(100 * max(within.high, SMALLEST_END))})"
    low, high = wording.percent(100 * within.low), wording.percent(100 * within.high)
    return f"{wording.percent(100 * within.value)} ({low} to {high})"


def _card(question: Question, answer: Assessment[EpisodeRisk]) -> Card:
    risk = answer.result
    when, within = f"within {LEADING_MIN} min", risk.within_min[LEADING_MIN]
    made_of = estimated_from(answer, A_LOW)
    raised = Raised(answer.model, answer.version, when, within, risk.asked_at_ms, made_of)
    return risk_card(
        question, raised, _lines(risk), f"{USUAL_CARE} A small carbohydrate snack or less insulin"
    )


def risk_card(question: Question, raised: Raised, lines: Sequence[str], lowered_by: str) -> Card:
    """A card of its own for a raised risk; what lowers it is an action, for others to decide on."""
    url, share_text = question.practice.models_url, wording.percent(100 * raised.within.value)
    topic = Coding(wording.TOPIC_SYSTEM, raised.model, "Risk of hypoglycaemia")
    return Card(
        uuid=question.uuid(raised.model),
        summary=wording.summary(f"Risk of glucose below 70 mg/dL (3.9 mmol/L) {raised.when}: {share_text}"),
        indicator=Indicator.WARNING,
        source=Source(
            f"Wearable CDS {raised.model} {raised.version}", topic, f"{url}/{raised.model}" if url else None
        ),
        detail=wording.sections(
            wording.bullets([*lines]),
            f"{lowered_by} lowers this risk; what fits is for patient and clinician to decide. Estimated "
            f"from {raised.estimated_from}. "
            f"As of {wording.moment(raised.asked_ms, question.zone)}; not an alarm.",
        ),
        override_reasons=OVERRIDE_REASONS,
    )
