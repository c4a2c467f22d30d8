"""The cards of the vital-signs review: what needs a look now, and what changed against the own baseline.

Called by `hooks.vital_signs_review`; prints `models.risk.vital_signs`, decides nothing itself.
"""

from collections.abc import Sequence
from typing import Final

from hooks import wording
from hooks.card import Card, Coding, Indicator, Source
from hooks.glucose_card import left_out
from hooks.service import Question
from hooks.vital_signs_gaps import not_assessed_lines
from models.assessment import Assessment, Outcome, Refused
from models.risk.home_pressure_target import UNDECIDED
from models.risk.news2 import LOW_MEDIUM, NEWS2, RISKS, URGENT_SINGLE, red_signs
from models.risk.point_score import PointScore
from models.risk.vital_change import WINDOW_DAYS
from models.risk.vital_comparison import MODEL, VERSION, Comparison, Level, Urgency, unit_text
from models.risk.vital_limits import NOW_MS
from models.risk.vital_signs import News2, VitalSignsReview

OVERRIDE_REASONS: Final = (
    wording.override("already-known", "Already known and being addressed"),
    wording.override("device-error", "The device's reading is not believed"),
    wording.override("other-targets", "Other targets were agreed with this patient"),
    wording.override("not-relevant", "Not relevant to this visit"),
)

INDICATORS: Final = {
    Urgency.NOW: Indicator.CRITICAL,
    Urgency.SOON: Indicator.WARNING,
    Urgency.NOTE: Indicator.INFO,
}

SHORT: Final = {
    "heart_rate_resting_change": "resting HR",
    "heart_rate_change": "HR",
    "hrv_sdnn_change": "HRV",
    "hrv_rmssd_change": "HRV",
    "resp_rate_change": "RR",
    "spo2_change": "SpO2",
    "body_temperature_change": "temperature",
    "steps_per_day_change": "steps",
    "sleep_duration_change": "sleep",
    "sbp_target": "home BP",
    "dbp_target": "home BP",
}
"""What was compared, in few letters: a summary has to name it all."""

EMERGENCY_FROM: Final = 7
"""NEWS2 of seven and more: emergency response, continuous monitoring (Royal College of Physicians 2017)."""

CLOSING: Final = "A review of recorded data, not an alarm: later readings may exist that were not sent."
SHOWN_IN_SUMMARY: Final = 2


def source(question: Question) -> Source:
    """Who says this: the model, with the address of its model card where one is served."""
    url = question.practice.models_url
    topic = Coding(wording.TOPIC_SYSTEM, MODEL, "Vital signs review")
    return Source(f"Wearable CDS {MODEL} {VERSION}", topic, f"{url}/{MODEL}" if url else None)


def latest_card(question: Question, review: VitalSignsReview) -> Card | None:
    """Readings of the last day beyond a limit, or a NEWS2 that asks for a review; None without either."""
    beyond = [c for c in review.findings if c.kind == "limit"]
    if not beyond and all(s.outcome is not Outcome.ASSESSED_POSITIVE for s in review.news2):
        return None
    worst = min((c.urgency for c in beyond if c.urgency is not None), default=Urgency.SOON)
    emergency = _is_emergency(review.news2)
    said = [f"{c.label} {_value(c)}, {_age(question, c)}: {c.says}" for c in beyond]
    if not beyond or any(found.low >= NEWS2.positive_from for found in _made(review.news2)):
        advised = f", emergency response from {EMERGENCY_FROM}" if emergency else ""
        said = [f"{_score_words(review.news2)} from the latest vital signs{advised}", *said]
    rows = [(c.label, _value(c), _age(question, c), c.says) for c in review.comparisons if c.kind == "limit"]
    return Card(
        uuid=question.uuid("latest-vital-signs"),
        summary=wording.summary(wording.fitting(*said)),
        indicator=Indicator.CRITICAL if emergency else INDICATORS[worst],
        source=source(question),
        detail=wording.sections(
            wording.table(("Latest reading", "Value", "Taken", "Against its limit"), rows),
            wording.bullets(
                [*_earlier_lines(question, review), *_score_lines(review.news2), *_sources(beyond)]
            ),
            f"Confirm at the bedside before acting. {CLOSING}",
        ),
        override_reasons=OVERRIDE_REASONS,
    )


def review_card(question: Question, review: VitalSignsReview, beside: Card | None) -> Card:
    """What changed and since when, what did not, and what could not be assessed.

    The latest readings are said here unless a card `beside` this one says them.
    """
    found = [c for c in review.findings if c.kind != "limit"]
    worst = min((c.urgency for c in found if c.urgency is not None), default=Urgency.NOTE)
    indicator = INDICATORS[min(worst, Urgency.SOON) if review.illness else worst]
    return Card(
        uuid=question.uuid("vital-signs-review"),
        standing="vital-signs-review",
        summary=wording.summary(_summary(question, review, found)),
        indicator=indicator,
        source=source(question),
        detail=_detail(question, review, found, [] if beside else _latest_lines(question, review)),
        override_reasons=OVERRIDE_REASONS,
    )


def refusal_card(question: Question, refused: Refused) -> Card:
    """Why nothing is judged."""
    return Card(
        uuid=question.uuid("vital-signs-review"),
        standing="vital-signs-review",
        summary=wording.summary(f"Vital signs not reviewed: {refused.reasons[0].text}"),
        indicator=Indicator.INFO,
        source=source(question),
        detail=wording.sections(wording.reasons(refused), wording.bullets(left_out(question))),
    )


def _summary(question: Question, review: VitalSignsReview, found: list[Comparison]) -> str:
    if review.illness:
        return _illness_words(question, [c for c in found if c.group])
    if found:
        more = len(found) - SHOWN_IN_SUMMARY
        said = "; ".join(_said(question, c) for c in found[:SHOWN_IN_SUMMARY])
        return said + (f"; {more} more" if more > 0 else "")
    open_ended = [c for c in review.comparisons if c.says == UNDECIDED]
    undecided = [f"{c.label} {_value(c)} {UNDECIDED}" for c in open_ended]
    left = {SHORT[c.name] for c in open_ended}
    named = dict.fromkeys(SHORT[c.name] for c in review.comparisons if c.name in SHORT)
    compared = [name for name in named if name not in left]
    if not compared:
        missing = f"Vital signs not compared: not enough data in the last {WINDOW_DAYS} days"
        return "; ".join(undecided) or missing
    said = f"No change found against own baseline or target: {', '.join(compared)}"
    return "; ".join([said, *undecided]) + ("" if undecided else _not_compared(compared))


def _not_compared(compared: list[str]) -> str:
    missing = [name for name in dict.fromkeys(SHORT.values()) if name not in compared]
    return f"; not assessed: {', '.join(missing)}" if missing else ""


def _illness_words(question: Question, together: list[Comparison]) -> str:
    """`Changed together since 13 May, as in infection: RR 14.5 → 17.2 /min, temperature ...`."""
    first = min(c.since_ms for c in together if c.since_ms is not None)
    said = ", ".join(f"{SHORT[c.name]} {_arrow(c)}" for c in together)
    return f"Changed together since {_short_day(question, first)}, as in infection: {said}"


def _said(question: Question, c: Comparison) -> str:
    """One finding in a line: from what to what, or what was found, and since when."""
    since = f" since {_since(question, c)}" if c.since_ms is not None else ""
    if c.kind == "change":
        return f"{c.label} {_arrow(c)}{since}"
    return c.says + since if c.kind == "report" else f"{c.label} {_value(c)}, {c.says}{since}"


def _arrow(c: Comparison) -> str:
    return _value(c) if c.usual is None else f"{_number(c, c.usual.value)} → {_value(c)}"


def _detail(question: Question, review: VitalSignsReview, found: list[Comparison], latest: list[str]) -> str:
    shown = [c for c in review.comparisons if c.kind in ("change", "target") or c in found]
    missing = not_assessed_lines(question, review)
    return wording.sections(
        wording.table(
            ("Signal", "Compared with", "Now", "Finding"), [_row(question, c) for c in shown]
        ) if shown else "",
        wording.bullets([*_illness_lines(question, review), *latest, *_sources(found)]),
        wording.sections("Not assessed, or only in part:", wording.bullets(missing)) if missing else "",
        wording.bullets(_data_lines(question)),
        CLOSING,
    )  # fmt: skip


def _row(question: Question, c: Comparison) -> tuple[str, ...]:
    usual = "-" if c.usual is None else f"{c.usual_is} {_level(c, c.usual)}"
    since = f" since {_since(question, c)}" if c.since_ms is not None else ""
    statistic = f"; {c.statistic}" if c.statistic else ""
    says = c.says if c.urgency is None else f"**{c.says}{since}**{statistic}"
    return c.label, usual, _level(c, c.now), says


def _level(c: Comparison, level: Level) -> str:
    """`58 /min (54-62; 21 days)`."""
    spread = "" if level.low is None or level.high is None else _range(c, level.low, level.high)
    counted = level.counted.removesuffix("s") if level.number == 1 else level.counted
    rests_on = f"{level.number} {counted}" if level.number else ""
    bracket = "; ".join(part for part in (spread, rests_on) if part)
    return f"{_number(c, level.value)} {unit_text(c.unit)}".rstrip() + (f" ({bracket})" if bracket else "")


def _range(c: Comparison, low: float, high: float) -> str:
    return f"{_number(c, low)}-{_number(c, high)}"


def _illness_lines(question: Question, review: VitalSignsReview) -> list[str]:
    if not review.illness:
        return []
    copd = " or an exacerbation of COPD" if "copd" in question.record.concepts() else ""
    return [f"Several signals changed together, as in an infection{copd}; examine for it"]


def _latest_lines(question: Question, review: VitalSignsReview) -> list[str]:
    latest = [f"{c.label} {_value(c)} {_age(question, c)}" for c in review.comparisons if c.kind == "limit"]
    said = [f"Latest readings of 24 h: {'; '.join(latest)}"] if latest else []
    return [*said, *_earlier_lines(question, review), *_score_lines(review.news2)]


def _earlier_lines(question: Question, review: VitalSignsReview) -> list[str]:
    """Readings beyond a limit that a later one, within it, would hide: a fever of the night, a dip."""
    told = [
        f"{c.label} {_number(c, value)} {unit_text(c.unit)} {wording.age(at_ms, question.as_of_ms)}"
        for c in review.comparisons
        if c.earlier is not None
        for value, at_ms in (c.earlier,)
    ]
    return [f"**Beyond a limit earlier in these 24 h:** {'; '.join(told)}"] if told else []


def _score_lines(scores: Sequence[News2]) -> list[str]:
    """NEWS2 as a range, with what is missing; nothing is taken as if it were known."""
    made = _made(scores)
    if not made:
        return [f"NEWS2 not computed: {s.reasons[0].text}" for s in scores if not isinstance(s, Assessment)]
    missing = ", ".join(name.replace("_", " ") for name in made[0].missing)
    scale = "; both saturation scales, the prescribed one is not known" if len(made) > 1 else ""
    said = f"{_score_words(scores)}{_risk_words(made)}"
    return [f"{said} (RCP 2017{scale}); not known: {missing or 'nothing'}"]


def _score_words(scores: Sequence[News2]) -> str:
    made = _made(scores)
    if not made:
        return "NEWS2 not computed"
    low, high = min(found.low for found in made), max(found.high for found in made)
    return f"NEWS2 {low}" if low == high else f"NEWS2 between {low} and {high}"


def _risk_words(made: Sequence[PointScore]) -> str:
    """The bands that are possible unless all are; where one sign and not the total decides, which one."""
    named = tuple(risk for risk in RISKS if any(risk in found.bands for found in made))
    if named == RISKS:
        return ""
    between = f", clinical risk {named[0]}" + (f" to {named[-1]}" if len(named) > 1 else "")
    if named[0] != LOW_MEDIUM:
        return between
    red = ", ".join(sorted({sign.replace("_", " ") for found in made for sign in red_signs(found)}))
    upwards = f", up to {named[-1]} with the missing signs" if len(named) > 1 else ""
    return (
        f", clinical risk at least {LOW_MEDIUM} ({red} alone scores {URGENT_SINGLE}, if measured at rest: "
        f"urgent review by a clinician){upwards}"
    )


def _made(scores: Sequence[News2]) -> list[PointScore]:
    return [s.result for s in scores if isinstance(s, Assessment)]


def _is_emergency(scores: Sequence[News2]) -> bool:
    """Whether readings of the last hour alone make up a score that asks for an emergency response."""
    made = [s for s in scores if isinstance(s, Assessment) and s.result.low >= EMERGENCY_FROM]
    return any(all(s.as_of_ms - (sign.at_ms or 0) <= NOW_MS for sign in s.inputs) for s in made)


def _sources(found: Sequence[Comparison]) -> list[str]:
    return [f"Rule: {text}" for text in dict.fromkeys(c.source for c in found)]


def _data_lines(question: Question) -> list[str]:
    record = question.record
    newest = [series.newest_ms for series in record.series.values() if series.newest_ms is not None]
    lines = [f"Newest reading {wording.age(max(newest), question.as_of_ms)}"] if newest else []
    days = question.zone or "UTC: no zone is known"
    lines.append(f"Days in {days}; baseline: days 8 to {WINDOW_DAYS} before, compared with the last 7")
    return lines + left_out(question)


def _since(question: Question, c: Comparison) -> str:
    at = _short_day(question, c.since_ms or 0)
    return f"{at} or before" if c.since_or_before else at


def _short_day(question: Question, at_ms: int) -> str:
    """A day of the last weeks needs no year."""
    return wording.day(at_ms, question.zone).rsplit(" ", 1)[0]


def _age(question: Question, c: Comparison) -> str:
    return wording.age(c.since_ms or 0, question.as_of_ms)


def _value(c: Comparison) -> str:
    return f"{_number(c, c.now.value)} {unit_text(c.unit)}".rstrip()


def _number(c: Comparison, value: float) -> str:
    return f"{value:,.{c.decimals}f}"
