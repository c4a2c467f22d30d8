"""Where glucose is heading in the next hour, as one line of the glucose review.

Part of the service `glucose-review`, below the risks of a low; asks `models.risk.glucose_forecast`.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Final

from hooks import wording
from hooks.hypoglycemia_risk import NEXT_HOURS, RiskPart, asked
from hooks.service import Question
from models.assessment import Assessment, Interval, NotAssessed, Reason, ReasonCode
from models.risk.glucose_episodes import LOW_MGDL
from models.risk.glucose_forecast import MODEL, VERSION, GlucoseForecast, assess
from models.risk.glucose_forecast_features import SENSOR_RANGE_MGDL
from models.time_series import TimeSeries
from models.units import GlucoseUnit, to_mmoll

STATED_MIN: Final = (30, 60)

WITHOUT_FOOD: Final = "; learned from people who often ate when falling: without food it may come out lower"

Answer = Assessment[GlucoseForecast] | NotAssessed


def expected_glucose(question: Question, glucose: TimeSeries) -> Answer:
    """The forecast for an adult with type 1 diabetes, or why none is stated.

    None from a low: that people eat then is in what was learned from, and must not read as a recovery that
    comes by itself.
    """
    answer = asked(question, MODEL, VERSION, lambda: _finite(assess(glucose, question.as_of_ms)))
    if isinstance(answer, Assessment) and float(answer.inputs[0].value) < LOW_MGDL:
        text = "glucose is below 70 mg/dL (3.9 mmol/L) now, and what follows depends on its treatment"
        reason = Reason(ReasonCode.OUT_OF_POPULATION, glucose.signal, text)
        return NotAssessed(MODEL, VERSION, question.as_of_ms, (reason,))
    return answer


def forecast_lines(question: Question, answer: Answer, risks: Sequence[RiskPart]) -> tuple[str, ...]:
    """One line; none where a risk above it is not assessed for the same reason."""
    if isinstance(answer, Assessment):
        unit = question.practice.glucose_unit
        stated = (f"in {m} min {interval_text(answer.result.within(m), unit)}" for m in STATED_MIN)
        likely_low = any(risk.of == NEXT_HOURS and risk.card for risk in risks)
        caveat = WITHOUT_FOOD if likely_low or _turns_up(answer) else ""
        return (f"Expected glucose from CGM alone (90 % interval): {'; '.join(stated)}{caveat}",)
    said = {_about(risk.assessment) for risk in risks if isinstance(risk.assessment, NotAssessed)}
    if _about(answer) in said:
        return ()
    return (f"Expected glucose: not assessed, {'; '.join(reason.text for reason in answer.reasons)}",)


def _turns_up(answer: Assessment[GlucoseForecast]) -> bool:
    """Whether glucose is expected to fall and then to rise again, which is often what was eaten."""
    half_hour, hour = (answer.result.within(minutes).value for minutes in STATED_MIN)
    return half_hour < float(answer.inputs[0].value) and half_hour < hour


def _finite(answer: Answer) -> Answer:
    """The answer, of numbers only; ArithmeticError for others."""
    if isinstance(answer, Assessment):
        stated = (answer.result.within(minutes) for minutes in STATED_MIN)
        if not all(isfinite(v) for within in stated for v in (within.low, within.value, within.high)):
            raise ArithmeticError
    return answer


def _about(answer: NotAssessed) -> frozenset[tuple[str, str]]:
    return frozenset((reason.code.value, reason.about) for reason in answer.reasons)


def interval_text(within: Interval, unit: GlucoseUnit) -> str:
    """`142 mg/dL (110 to 178), 7.9 mmol/L (6.1 to 9.9)`, the organisation's unit first."""
    both = (_in_unit(within, "mg/dL"), _in_unit(within, "mmol/L"))
    return ", ".join(both if unit == "mg/dL" else both[::-1])


def within_range(mgdl: float, unit: GlucoseUnit) -> str:
    """`65 mg/dL (3.6 mmol/L)`; at the end of what a sensor shows `below 40 mg/dL (2.2 mmol/L)`."""
    side, held_mgdl = _held(mgdl)
    return side + wording.glucose(held_mgdl, unit)


def _in_unit(within: Interval, unit: GlucoseUnit) -> str:
    value, low, high = (_shown(mgdl, unit) for mgdl in (within.value, within.low, within.high))
    return f"{value} {unit} ({low} to {high})"


def _shown(mgdl: float, unit: GlucoseUnit) -> str:
    side, held_mgdl = _held(mgdl)
    return side + (f"{to_mmoll(held_mgdl):.1f}" if unit == "mmol/L" else f"{held_mgdl:.0f}")


def _held(mgdl: float) -> tuple[str, float]:
    """Glucose within what a sensor shows; at an end of it, that it may lie beyond."""
    low, high = SENSOR_RANGE_MGDL
    side = "below " if mgdl <= low else "above " if mgdl >= high else ""
    return side, min(max(mgdl, low + 1), high - 1)
