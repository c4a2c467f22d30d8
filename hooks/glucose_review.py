"""The service `glucose-review`: what CGM or meter readings of two weeks say when a chart is opened.

One of the services in `hooks.registry`; chooses between the two reviews and puts a current low first.
"""

from hooks import beside_cgm, cgm_review, fingerstick_card, needs
from hooks.action_lines import with_actions
from hooks.card import Card, Indicator
from hooks.device_summary_lines import device_summary_lines
from hooks.expected_glucose import expected_glucose, forecast_lines
from hooks.glucose_card import MODEL, VERSION, current_low, left_out, source
from hooks.hyperglycemia_risk import high_in_next_hours
from hooks.hypoglycemia_risk import next_hours, risk_lines
from hooks.nocturnal_risk import tonight
from hooks.service import AnyAssessment, Decision, Question, Service
from hooks.wording import bullets, sections, summary
from models.assessment import Assessment, NotAssessed, Outcome, Reason, ReasonCode
from models.features.glycemic import REPORT_DAYS
from models.signals import GLUCOSE_CGM, GLUCOSE_SMBG
from models.time_series import TimeSeries

DAY_MS = 86_400_000


def decide(question: Question) -> Decision:
    """CGM review where a sensor was worn, else meter review, else why there is none."""
    cgm, meter = _window(question, GLUCOSE_CGM), _window(question, GLUCOSE_SMBG)
    cards: list[Card] = []
    assessments: list[AnyAssessment] = []
    low = current_low(question, tuple(series for series in (cgm, meter) if series is not None))
    cards += [low] if low else []
    assessment: AnyAssessment
    if cgm is not None:
        forecast = expected_glucose(question, cgm)
        low_soon, actions = with_actions(question, next_hours(question, cgm), forecast)
        risks = (
            low_soon,
            tonight(question, cgm),
            high_in_next_hours(question, cgm),
        )
        cards += [risk.card for risk in risks if risk.card]
        assessments += [*(risk.assessment for risk in risks), forecast, *actions]
        moment = (*risk_lines(risks), *forecast_lines(question, forecast, risks))
        if any(isinstance(risk.assessment, Assessment) for risk in risks):
            moment += beside_cgm.not_counted(question)
        card, assessment = cgm_review.review(question, cgm, meter, moment)
        cards.append(card)
    if cgm is None or (meter is not None and isinstance(assessment, NotAssessed)):
        card, assessment = _without_cgm(question, meter)
        cards.append(card)
    outcome = Outcome.ASSESSED_POSITIVE if low or len(cards) > 1 else assessment.outcome
    return Decision(outcome, tuple(cards), (*assessments, assessment))


def _without_cgm(question: Question, meter: TimeSeries | None) -> tuple[Card, AnyAssessment]:
    if meter is not None:
        return fingerstick_card.review(question, meter)
    return _nothing(question)


def _window(question: Question, signal: str) -> TimeSeries | None:
    """Readings of the reporting period; None where there is not one."""
    series = question.record.series.get(signal)
    if series is None:
        return None
    window = series.between(question.as_of_ms - REPORT_DAYS * DAY_MS, question.as_of_ms)
    return window if len(window) else None


def _nothing(question: Question) -> tuple[Card, NotAssessed]:
    reported = device_summary_lines(question)
    reason = Reason(ReasonCode.MISSING, "glucose", f"no glucose reading of the last {REPORT_DAYS} days")
    card = Card(
        uuid=question.uuid("no-glucose"),
        standing="no-glucose",
        summary=summary(
            f"No glucose review: no usable glucose reading of the last {REPORT_DAYS} days{_unused(question)}"
        ),
        indicator=Indicator.INFO,
        source=source(question),
        detail=sections(
            bullets([*reported, *left_out(question)]),
            "No reading stands behind this summary."
            if reported
            else "Nothing is known about this patient's glucose from these data.",
        ),
    )
    return card, NotAssessed(MODEL, VERSION, question.as_of_ms, (reason,))


def _unused(question: Question) -> str:
    """The commonest reason why what came could not be used."""
    rejected = question.record.rejected
    if not rejected:
        return ""
    reason = max(rejected, key=lambda name: rejected[name].count)
    return f"; {rejected[reason].count:,} left out ({reason.replace('_', ' ')})"


SERVICE = Service(
    id=MODEL,
    hook="patient-view",
    title="Glucose review",
    description=(
        "Reviews 14 days of CGM (or meter readings where there is no CGM) against the consensus targets of "
        "this patient's group, and names the worst pattern with its time of day."
    ),
    usage_requirements=(
        "Needs the patient and glucose Observations, by prefetch or FHIR access. Without the problem list no "
        "target is applied; without a time zone no times of day are stated. Insulin, carbohydrate, steps and "
        "heart rate sharpen the risks where they are recorded, and nothing depends on them."
    ),
    needs=(needs.PATIENT, needs.CGM, needs.FINGERSTICKS, needs.CONDITIONS, needs.SETTINGS, *beside_cgm.NEEDS),
    decide=decide,
)
