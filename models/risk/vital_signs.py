"""The vital-signs review: every check of one patient, what belongs together, NEWS2, and the outcome of all.

Sits over the single checks; `hooks.vital_signs_review` prints it.
"""

from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo

from models import signals
from models.assessment import Assessment, NotAssessed, Outcome, Reason, ReasonCode, Refused
from models.features.activity import ActivityInputs, worn_days
from models.features.daily_values import DailyValues
from models.features.local_time import zone_of
from models.patient_record import PatientRecord
from models.risk import news2
from models.risk.device_dropout import assess_dropout
from models.risk.fast_heart_at_rest import assess_rest
from models.risk.home_pressure_target import target_checks
from models.risk.joint_change import assess_together
from models.risk.nocturnal_desaturation import assess_nights
from models.risk.point_score import PointScore, known
from models.risk.rapid_weight_gain import weight_checks
from models.risk.rapid_weight_loss import loss_checks
from models.risk.reported_rhythm import rhythm_checks
from models.risk.vital_change import Window, assess_change, assess_steps, days_of, days_of_steps, window_at
from models.risk.vital_comparison import MODEL, VERSION, Answer, Comparison, Urgency, not_assessed
from models.risk.vital_limits import limit_checks, news2_inputs
from models.risk.watched_signals import ILLNESS, WATCHED, Watched

YOUNGEST_YEARS: Final = 16
"""NEWS2 and the limits taken from it hold from 16 years on, and not in pregnancy (RCP 2017)."""

FEWEST_NEWS2_SIGNS: Final = 3
"""Of five measurable signs; with fewer the range says nothing (our judgement)."""

UTC: Final = ZoneInfo("UTC")

TIME_ZONE: Final = "time_zone"
"""What the reason is about where nights are not assessed because nobody knows when they were."""

HEART: Final = frozenset({f"{s}_change" for s in (signals.HEART_RATE, signals.HEART_RATE_RESTING)})

News2 = Assessment[PointScore] | NotAssessed | Refused


@dataclass(frozen=True, slots=True)
class VitalSignsReview:
    """All answers, findings first and worst first; NEWS2 on each scale that may hold; how it ends."""

    answers: tuple[Answer, ...]
    news2: tuple[News2, ...]
    illness: bool
    outcome: Outcome

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every check that could be made."""
        return tuple(answer.result for answer in self.answers if isinstance(answer, Assessment))

    @property
    def findings(self) -> tuple[Comparison, ...]:
        """What was found, worst first."""
        return tuple(c for c in self.comparisons if c.urgency is not None)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why checks could not be made, or only in part."""
        return tuple(
            reason
            for answer in self.answers
            for reason in (answer.notes if isinstance(answer, Assessment) else answer.reasons)
        )


def review_vital_signs(
    record: PatientRecord, age_years: int | None, zone: str | None, as_of_ms: int
) -> VitalSignsReview | Refused:
    """The review of an adult; of a child nothing is judged, because every limit here is an adult's."""
    if age_years is not None and age_years < YOUNGEST_YEARS:
        text = f"The limits of this review hold from {YOUNGEST_YEARS} years of age on."
        reason = Reason(ReasonCode.OUT_OF_POPULATION, "age", text)
        return Refused(MODEL, VERSION, as_of_ms, (reason,))
    answers = sorted(_answers(record, zone, as_of_ms), key=_rank)
    scores = _news2(record, age_years, as_of_ms)
    return VitalSignsReview(tuple(answers), scores, _illness(answers), _outcome(answers, scores))


def _answers(record: PatientRecord, zone: str | None, as_of_ms: int) -> list[Answer]:
    """Without a known zone days are UTC days, and nights are not assessed."""
    clock = zone_of(zone)
    known_clock = None if isinstance(clock, Reason) else clock
    days = window_at(as_of_ms, known_clock or UTC)
    answers = [
        *limit_checks(record, as_of_ms),
        *(_change(watched, record, days) for watched in WATCHED if not _covered(watched, record)),
        *target_checks(record, as_of_ms),
        *rhythm_checks(record, as_of_ms),
        *weight_checks(record, as_of_ms),
        *loss_checks(record, as_of_ms),
        assess_dropout(record, days.clock, as_of_ms),
        assess_rest(record.series.get(signals.HEART_RATE), days.clock, as_of_ms),
    ]
    answers.append(assess_together(answers, days))
    if known_clock is None:
        text = "Nights: the patient's time zone is not known"
        return [*answers, not_assessed(ReasonCode.MISSING, TIME_ZONE, text, as_of_ms)]
    return [*answers, assess_nights(record.series.get(signals.SPO2), known_clock, as_of_ms)]


def _change(watched: Watched, record: PatientRecord, days: Window) -> Answer:
    if watched.shape == "steps":
        return assess_steps(watched, _activity(record), days)
    series = record.series.get(watched.signal)
    if series is None:
        text = f"{watched.label}: none in the data received"
        return not_assessed(ReasonCode.MISSING, watched.signal, text, days.as_of_ms)
    return assess_change(watched, series, days)


def watched_days(watched: Watched, record: PatientRecord, days: Window) -> DailyValues | None:
    """The daily values that the comparison of a signal rests on; None where the record has none."""
    if watched.shape == "steps":
        inputs = _activity(record)
        worn = worn_days(inputs, days.clock)
        return None if worn is None else days_of_steps(inputs, worn, days)
    series = record.series.get(watched.signal)
    return None if series is None else days_of(watched, series, days)[0]


def _activity(record: PatientRecord) -> ActivityInputs:
    return ActivityInputs(
        daily_steps=record.series.get(signals.STEPS_PER_DAY),
        interval_steps=record.series.get(signals.STEPS),
        heart_rate=record.series.get(signals.HEART_RATE),
        worn_percent=record.series.get(signals.DEVICE_ACTIVE_PERCENT),
    )


def _covered(watched: Watched, record: PatientRecord) -> bool:
    """Whether another signal of the record says the same and this one is not there."""
    return watched.signal not in record.series and watched.alternative in record.series


def _news2(record: PatientRecord, age_years: int | None, as_of_ms: int) -> tuple[News2, ...]:
    """NEWS2 on scale 1; with COPD on record on both, because nobody here knows what was prescribed."""
    concepts = record.concepts()
    if age_years is None or "pregnancy" in concepts:
        text = f"it holds for people known to be {YOUNGEST_YEARS} or older and not pregnant"
        return (Refused("news2", news2.NEWS2.version, as_of_ms, (_outside(text),)),)
    signs = news2_inputs(record, as_of_ms)
    measured = known(
        signs.respiration_per_min, signs.spo2_percent, signs.systolic_mmhg, signs.pulse_per_min,
        signs.temperature_c,
    )  # fmt: skip
    if len(measured) < FEWEST_NEWS2_SIGNS:
        text = f"{len(measured)} of 5 measurable signs within 12 h; {FEWEST_NEWS2_SIGNS} are needed"
        reason = Reason(ReasonCode.SPARSE, "news2", text)
        return (NotAssessed("news2", news2.NEWS2.version, as_of_ms, (reason,)),)
    scales: tuple[Literal[1, 2], ...] = (1, 2) if "copd" in concepts else (1,)
    return tuple(news2.news2(signs, scale, as_of_ms) for scale in scales)


def _outside(text: str) -> Reason:
    return Reason(ReasonCode.OUT_OF_POPULATION, "news2", text)


def _rank(answer: Answer) -> tuple[int, str]:
    if isinstance(answer, NotAssessed):
        return len(Urgency) + 1, answer.reasons[0].about
    urgency = answer.result.urgency
    return (len(Urgency) if urgency is None else urgency), answer.result.name


def _illness(answers: list[Answer]) -> bool:
    """Whether two organ systems changed as in an infection; two heart rates are one."""
    names = {
        answer.result.name
        for answer in answers
        if isinstance(answer, Assessment) and answer.result.group == ILLNESS
    }
    return len(names - HEART) + bool(names & HEART) >= 2


def _outcome(answers: list[Answer], scores: tuple[News2, ...]) -> Outcome:
    """Never negative: no device sees the whole patient, so that nothing was found is said as PARTIAL."""
    found = {answer.outcome for answer in (*answers, *scores)}
    if Outcome.ASSESSED_POSITIVE in found:
        return Outcome.ASSESSED_POSITIVE
    return Outcome.PARTIAL if any(isinstance(a, Assessment) for a in answers) else Outcome.NOT_ASSESSED
