"""The CGM review as a card: targets met or not, the worst pattern, and how much data it rests on.

Called by `hooks.glucose_review`; reads `models.features`, decides nothing itself.
"""

import re
from typing import Final

from hooks import wording
from hooks.card import Card, Indicator
from hooks.cgm_detail import CgmReview, detail, detail_of_few, share_against, speaks_of_lows
from hooks.glucose_card import MODEL, OVERRIDE_REASONS, VERSION, source
from hooks.glucose_extremes import extremes
from hooks.service import Question
from models.assessment import Assessment, NotAssessed, Outcome, Reason, ReasonCode
from models.features.glycemic import (
    REPORT_DAYS,
    GlycemicMetrics,
    glycemic_metrics,
)
from models.features.patterns import Rank, find_patterns
from models.features.targets import TargetGroup, check_targets, range_of, target_group
from models.patient_record import WHOLE, Completeness
from models.signals import CARBS
from models.time_series import TimeSeries
from models.units import GlucoseUnit

STALE_MS: Final = 24 * 3_600_000
"""A newest reading older than a day is said in the summary: the sensor is off, or its data are late."""

SHARES: Final = (("time_70_180_percent", "70-180 mg/dL"), ("time_below_70_percent", "below 70 mg/dL"))
PREGNANCY_SHARES: Final = (
    ("time_63_140_percent", "63-140 mg/dL"), ("time_below_63_percent", "below 63 mg/dL"),
)  # fmt: skip

OLDER: Final = TargetGroup.OLDER_OR_HIGH_RISK.value


def review(
    question: Question, glucose: TimeSeries, meter: TimeSeries | None, next_hours: tuple[str, ...]
) -> tuple[Card, Assessment[CgmReview] | NotAssessed]:
    """The card and the assessment behind it; `next_hours` are lines on the risk of the moment."""
    found = _assess(question, glucose, meter)
    if not found.metrics.sufficient:
        return _too_little(question, found, next_hours)
    outcome = _outcome(question, found)
    assessment = Assessment(
        model=MODEL,
        version=VERSION,
        as_of_ms=question.as_of_ms,
        outcome=outcome,
        result=found,
        notes=tuple(x for x in (found.group, found.checks, found.patterns) if isinstance(x, Reason)),
    )
    warns = bool(found.extremes) or any(speaks_of_lows(check) for check in found.missed)
    card = Card(
        uuid=question.uuid("cgm-review"),
        standing="" if _now(found) else "cgm-review",
        summary=_summary(question, found),
        indicator=Indicator.WARNING if warns else Indicator.INFO,
        source=source(question),
        detail=detail(question, found, next_hours),
        override_reasons=OVERRIDE_REASONS,
    )
    return card, assessment


def _assess(question: Question, glucose: TimeSeries, meter: TimeSeries | None) -> CgmReview:
    metrics = glycemic_metrics(glucose, question.as_of_ms)
    window = glucose.between(metrics.window_start_ms, metrics.window_end_ms)
    group = group_of(question)
    checks = group if isinstance(group, Reason) else check_targets(metrics, group)
    carbs, limits = question.record.series.get(CARBS), range_of(question.record.concepts())
    patterns = find_patterns(window, question.zone, metrics.cv_percent, carbs, limits)
    beyond = extremes(question, window, meter, metrics)
    return CgmReview(metrics, group if isinstance(group, Reason) else group.value, checks, patterns, beyond)


def group_of(question: Question) -> TargetGroup | Reason:
    """The group of this patient; a problem list that was not read whole is not one without diabetes."""
    group = target_group(question.age_years, question.record.concepts())
    known = question.record.completeness.get("conditions", Completeness.NOT_ASKED)
    if isinstance(group, Reason) and known not in WHOLE:
        text = "The problem list could not be read whole, so no target is applied."
        return Reason(ReasonCode.INCOMPLETE, "conditions", text)
    return group


def _outcome(question: Question, found: CgmReview) -> Outcome:
    if found.missed or found.extremes:
        return Outcome.ASSESSED_POSITIVE
    whole = question.record.completeness.get("cgm", Completeness.COMPLETE) is Completeness.COMPLETE
    assessed = not any(isinstance(x, Reason) for x in (found.checks, found.patterns))
    return Outcome.ASSESSED_NEGATIVE if whole and assessed else Outcome.PARTIAL


def _too_little(
    question: Question, found: CgmReview, next_hours: tuple[str, ...]
) -> tuple[Card, NotAssessed]:
    """Too few readings for a review, and still every low that was seen is said (H-15)."""
    metrics = found.metrics
    active = f"{metrics.sensor_active_percent:.0f} %"
    age = _age_if_old(question, metrics)
    finding = f"No CGM review: readings cover {active} of {REPORT_DAYS} days, 70 % are needed"
    card = Card(
        uuid=question.uuid("cgm-review"),
        standing="" if _now(found) else "cgm-review",
        summary=wording.fitting(*_now(found), finding, age, _first_extreme(found)),
        indicator=Indicator.WARNING if found.extremes else Indicator.INFO,
        source=source(question),
        detail=detail_of_few(question, found, next_hours),
        override_reasons=OVERRIDE_REASONS,
    )
    reason = Reason(ReasonCode.SPARSE, "glucose_cgm", metrics.why_not or finding)
    return card, NotAssessed(MODEL, VERSION, question.as_of_ms, (reason,))


def _summary(question: Question, found: CgmReview) -> str:
    finding, of_lows = _finding(question, found)
    extreme = "" if of_lows else _first_extreme(found)
    age, pattern = _age_if_old(question, found.metrics), _worst(found)
    line = wording.fitting(*_now(found), finding, extreme, age)
    return _with_pattern(line, pattern)


def _with_pattern(line: str, pattern: str) -> str:
    """The line with as much of the pattern as it has room for: how often goes last, after its level."""
    compact = re.sub(r"between (\S+) and ", r"\1-", pattern)
    forms = (pattern, compact, compact.partition(",")[0], compact.partition(" on ")[0])
    return next((longer for form in forms if (longer := wording.fitting(line, form)) != line), line)


def _finding(question: Question, found: CgmReview) -> tuple[str, bool]:
    """The shares against their targets, and whether that already speaks of lows."""
    metrics, unit = found.metrics, question.practice.glucose_unit
    if found.missed:
        check = found.missed[0]
        target = f"{'over' if check.target.side == 'more than' else 'under'} {check.target.percent:g} %"
        share = _share(share_against(check), check.target.band, unit)
        return f"CGM: {share} (target {target})", speaks_of_lows(check)
    shares = ", ".join(
        _share(wording.percent(getattr(metrics, metric) or 0.0), band, unit)
        for metric, band in (PREGNANCY_SHARES if found.pregnant else SHARES)
    )
    if isinstance(found.checks, Reason):
        return f"CGM, {REPORT_DAYS} days, no target applied: {shares}", False
    whose = "targets for older or high-risk adults" if found.group == OLDER else "targets"
    return f"CGM {whose} met over {REPORT_DAYS} days: {shares}", False


def _share(percent: str, band: str, unit: GlucoseUnit) -> str:
    """`66 % in 70-180 mg/dL`, `2.3 % below 54 mg/dL`."""
    between = "in " if band[0].isdigit() else ""
    return f"{percent} {between}{wording.band(band, unit)}"


def _first_extreme(found: CgmReview) -> str:
    return next((extreme.short for extreme in found.extremes if not extreme.now), "")


def _now(found: CgmReview) -> tuple[str, ...]:
    """What cannot wait, and so leads the summary and is never folded."""
    return tuple(wording.capital(extreme.short) for extreme in found.extremes if extreme.now)


def _age_if_old(question: Question, metrics: GlycemicMetrics) -> str:
    newest_ms = metrics.newest_ms
    if newest_ms is None or question.as_of_ms - newest_ms <= STALE_MS:
        return ""
    return f"newest reading {wording.age(newest_ms, question.as_of_ms)}"


def _worst(found: CgmReview) -> str:
    patterns = () if isinstance(found.patterns, Reason) else found.patterns
    named = [pattern for pattern in patterns if pattern.rank is not Rank.VARIABLE]
    return named[0].text if named else ""
