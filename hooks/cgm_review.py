"""The CGM review as a card: targets met or not, the worst pattern, and how much data it rests on.

Called by `hooks.glucose_review`; reads `models.features`, decides nothing itself.
"""

from dataclasses import dataclass
from typing import Final

from hooks import wording
from hooks.card import Card, Indicator
from hooks.device_summary_lines import device_summary_lines
from hooks.glucose_card import MODEL, OVERRIDE_REASONS, VERSION, left_out, source
from hooks.glucose_extremes import Extreme, extremes
from hooks.service import Question
from models.assessment import Assessment, NotAssessed, Outcome, Reason, ReasonCode
from models.features.glycemic import BAND_OF, REPORT_DAYS, GlycemicMetrics, glycemic_metrics
from models.features.patterns import Pattern, Rank, find_patterns
from models.features.targets import TargetCheck, TargetGroup, check_targets, target_group
from models.patient_record import Completeness
from models.signals import CARBS
from models.time_series import TimeSeries

SHOWN_PATTERNS: Final = 3

STALE_MS: Final = 24 * 3_600_000
"""A newest reading older than a day is said in the summary: the sensor is off, or its data are late."""

OLDER: Final = TargetGroup.OLDER_OR_HIGH_RISK.value

GRI_ZONES: Final = "ABCDE"
"""Zones of 20 points each (Klonoff et al., J Diabetes Sci Technol 2023;17:1226)."""


@dataclass(frozen=True, slots=True)
class CgmReview:
    """What the card says: the metrics, the targets of this patient's group, the patterns."""

    metrics: GlycemicMetrics
    group: str | Reason
    checks: tuple[TargetCheck, ...] | Reason
    patterns: tuple[Pattern, ...] | Reason
    extremes: tuple[Extreme, ...] = ()

    @property
    def missed(self) -> tuple[TargetCheck, ...]:
        """Targets that are not met, lows first."""
        checks = () if isinstance(self.checks, Reason) else self.checks
        return tuple(sorted((c for c in checks if not c.met), key=_harm))


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
    warns = bool(found.extremes) or any(_speaks_of_lows(check) for check in found.missed)
    card = Card(
        uuid=question.uuid("cgm-review"),
        summary=wording.summary(_now(found) + _summary(question, found)),
        indicator=Indicator.WARNING if warns else Indicator.INFO,
        source=source(question),
        detail=_detail(question, found, next_hours),
        override_reasons=OVERRIDE_REASONS,
    )
    return card, assessment


def _assess(question: Question, glucose: TimeSeries, meter: TimeSeries | None) -> CgmReview:
    metrics = glycemic_metrics(glucose, question.as_of_ms)
    window = glucose.between(metrics.window_start_ms, metrics.window_end_ms)
    group = group_of(question)
    checks = group if isinstance(group, Reason) else check_targets(metrics, group)
    patterns = find_patterns(window, question.zone, metrics.cv_percent, question.record.series.get(CARBS))
    beyond = extremes(question, window, meter, metrics)
    return CgmReview(metrics, group if isinstance(group, Reason) else group.value, checks, patterns, beyond)


def group_of(question: Question) -> TargetGroup | Reason:
    """The group of this patient; a problem list that was not read whole is not one without diabetes."""
    group = target_group(question.age_years, question.record.concepts())
    known = question.record.completeness.get("conditions", Completeness.NOT_ASKED)
    if isinstance(group, Reason) and known not in (Completeness.COMPLETE, Completeness.EMPTY):
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
    seen = _first_extreme(found)
    active = f"{metrics.sensor_active_percent:.0f} %"
    age = _age_if_old(question, metrics)
    why = f"readings cover {active} of {REPORT_DAYS} days, 70 % are needed"
    text = f"{_now(found)}No CGM review: {why}{age}{seen}"
    card = Card(
        uuid=question.uuid("cgm-review"),
        summary=wording.summary(text),
        indicator=Indicator.WARNING if found.extremes else Indicator.INFO,
        source=source(question),
        detail=wording.sections(
            _extreme_lines(found),
            _of_these_readings(question, metrics),
            wording.bullets([*next_hours]),
            _episodes(question, metrics),
            wording.bullets(_data_lines(question, metrics)),
            "Targets, patterns and indices are not stated on this little data.",
        ),
        override_reasons=OVERRIDE_REASONS,
    )
    reason = Reason(ReasonCode.SPARSE, "glucose_cgm", metrics.why_not or text)
    return card, NotAssessed(MODEL, VERSION, question.as_of_ms, (reason,))


def _of_these_readings(question: Question, metrics: GlycemicMetrics) -> str:
    """Mean and shares of the readings there are, as what they are: no basis for a verdict."""
    if metrics.mean_mgdl is None:
        return ""
    unit = question.practice.glucose_unit
    shares = [
        f"{wording.percent(getattr(metrics, metric))} {wording.band(band, unit)}"
        for metric, band in BAND_OF.items()
    ]
    return f"Of these readings alone: mean {wording.glucose(metrics.mean_mgdl, unit)}; {', '.join(shares)}."


def _summary(question: Question, found: CgmReview) -> str:
    metrics, unit = found.metrics, question.practice.glucose_unit
    worst = _age_if_old(question, metrics) + _worst(found)
    inside, low = metrics.time_70_180_percent or 0.0, metrics.time_below_70_percent or 0.0
    if found.missed:
        check = found.missed[0]
        target = f"{'over' if check.target.side == 'more than' else 'under'} {check.target.percent:g} %"
        share = f"{wording.percent(check.value_percent)} {wording.band(check.target.band, unit)}"
        if _speaks_of_lows(check):
            return f"CGM: {share} (target {target}){worst}"
        return f"CGM: {share} (target {target}){_first_extreme(found)}{worst}"
    bands = (wording.band(text, unit) for text in ("70-180 mg/dL", "below 70 mg/dL"))
    shares = ", ".join(f"{wording.percent(v)} {b}" for v, b in zip((inside, low), bands, strict=True))
    if isinstance(found.checks, Reason):
        return f"CGM, {REPORT_DAYS} days, no target applied: {shares}{_first_extreme(found)}{worst}"
    whose = "targets for older or high-risk adults" if found.group == OLDER else "targets"
    return f"CGM {whose} met over {REPORT_DAYS} days: {shares}{_first_extreme(found)}{worst}"


def _first_extreme(found: CgmReview) -> str:
    others = [extreme.short for extreme in found.extremes if not extreme.now]
    return f"; {others[0]}" if others else ""


def _now(found: CgmReview) -> str:
    """What cannot wait, before everything else."""
    return "".join(f"{wording.capital(extreme.short)}; " for extreme in found.extremes if extreme.now)


def _extreme_lines(found: CgmReview) -> str:
    return wording.bullets([f"**{wording.capital(extreme.text)}**" for extreme in found.extremes])


def _age_if_old(question: Question, metrics: GlycemicMetrics) -> str:
    newest_ms = metrics.newest_ms
    if newest_ms is None or question.as_of_ms - newest_ms <= STALE_MS:
        return ""
    return f"; newest reading {wording.age(newest_ms, question.as_of_ms)}"


def _worst(found: CgmReview) -> str:
    patterns = () if isinstance(found.patterns, Reason) else found.patterns
    named = [pattern for pattern in patterns if pattern.rank is not Rank.VARIABLE]
    return f"; {named[0].text}" if named else ""


def _detail(question: Question, found: CgmReview, next_hours: tuple[str, ...]) -> str:
    basis = (
        found.group.text
        if isinstance(found.group, Reason)
        else f"Targets for {found.group}: Battelino 2019, Diabetes Care 42:1593."
    )
    return wording.sections(
        _extreme_lines(found),
        _target_table(question, found),
        wording.bullets([*_level_lines(question, found.metrics), *_pattern_lines(found)]),
        wording.bullets([*next_hours]),
        _episodes(question, found.metrics),
        wording.bullets(_data_lines(question, found.metrics)),
        f"{basis} A review of recorded data; not an alarm and not a dose.",
    )


def _target_table(question: Question, found: CgmReview) -> str:
    unit = question.practice.glucose_unit
    if isinstance(found.checks, Reason):
        shares = {band: getattr(found.metrics, metric) for metric, band in BAND_OF.items()}
        rows = [(wording.band_in_both(band, unit), wording.percent(share)) for band, share in shares.items()]
        return wording.table(("Glucose", "Time"), rows)
    return wording.table(
        ("Glucose", "Time", "Target", ""),
        [
            (
                wording.band_in_both(check.target.band, unit),
                wording.percent(check.value_percent),
                f"{check.target.side} {check.target.percent:g} %",
                "met" if check.met else "**not met**",
            )
            for check in found.checks
        ],
    )


def _level_lines(question: Question, metrics: GlycemicMetrics) -> list[str]:
    mean, gmi, cv = metrics.mean_mgdl, metrics.gmi_percent, metrics.cv_percent
    gri, lbgi, hbgi = metrics.gri, metrics.lbgi, metrics.hbgi
    if mean is None or gmi is None or cv is None or gri is None or lbgi is None or hbgi is None:
        return []
    zone = GRI_ZONES[min(4, int(gri // 20))]
    return [
        f"Mean {wording.glucose(mean, question.practice.glucose_unit)}, GMI {gmi:.1f} %, CV {cv:.0f} % "
        "(stable up to 36 %)",
        f"Risk indices: GRI {gri:.0f} of 100 (zone {zone}); LBGI {lbgi:.1f}; HBGI {hbgi:.1f}",
    ]


def _pattern_lines(found: CgmReview) -> list[str]:
    if isinstance(found.patterns, Reason):
        return [f"Times of day: {found.patterns.text}"]
    lines = [f"Pattern: {pattern.text}" for pattern in found.patterns[:SHOWN_PATTERNS]]
    return lines or ["No recurring pattern by time of day was found"]


def _episodes(question: Question, metrics: GlycemicMetrics) -> str:
    unit = question.practice.glucose_unit
    low, very_low, high = (
        wording.band(text, unit) for text in ("below 70 mg/dL", "below 54 mg/dL", "above 180 mg/dL")
    )
    return (
        f"Episodes of 15 minutes or more: {metrics.hypo_events} {low}, of which {metrics.hypo_level2_events} "
        f"{very_low}; {metrics.hyper_events} {high}."
    )


def _data_lines(question: Question, metrics: GlycemicMetrics) -> list[str]:
    newest = wording.age(metrics.newest_ms, question.as_of_ms) if metrics.newest_ms else "none"
    lines = [
        f"{wording.count(metrics.readings, 'reading')} on {metrics.days_with_readings} of {REPORT_DAYS} "
        f"days, {metrics.sensor_active_percent:.0f} % of the time, "
        f"{wording.day(metrics.window_start_ms, question.zone)} to "
        f"{wording.moment(metrics.window_end_ms, question.zone)}; newest {newest}",
    ]
    if metrics.readings_below_range or metrics.readings_above_range:
        lines.append(
            f"Beyond the sensor's range: {metrics.readings_below_range} low, "
            f"{metrics.readings_above_range} high"
        )
    lines += [
        f"Removed: {count} ({what.replace('_', ' ')})" for what, count in metrics.removed.items() if count
    ]
    lines.append(
        f"Times of day in {question.zone}" if question.zone else "Times are in UTC: no zone is known"
    )
    return lines + device_summary_lines(question) + left_out(question)


def _harm(check: TargetCheck) -> int:
    """Order of what is said first: below 54, other lows, then the rest as the consensus lists them."""
    return 0 if check.target.band == "below 54 mg/dL" else 1 if _speaks_of_lows(check) else 2


def _speaks_of_lows(check: TargetCheck) -> bool:
    return check.target.band.startswith("below")
