"""What the card of the CGM review says below its summary, and the findings that it prints.

Beside `hooks.cgm_review`, which assesses and writes the summary; decides nothing itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hooks import wording
from hooks.device_summary_lines import device_summary_lines
from hooks.glucose_card import left_out
from hooks.glucose_extremes import Extreme
from hooks.service import Question
from models.assessment import Reason
from models.features.glycemic import BAND_OF, PREGNANCY_BAND_OF, REPORT_DAYS, GlycemicMetrics
from models.features.patterns import Pattern
from models.features.targets import TargetCheck, TargetGroup

SHOWN_PATTERNS: Final = 3

PREGNANT: Final = (TargetGroup.PREGNANCY_TYPE_1.value, TargetGroup.PREGNANCY_OTHER.value)

NOT_OF_PREGNANCY: Final = "GMI and risk indices are not stated: their limits are not those of pregnancy"

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
    def pregnant(self) -> bool:
        """Whether limits of pregnancy apply, with or without percentages to reach."""
        return self.group in PREGNANT

    @property
    def bands(self) -> Mapping[str, str]:
        """The bands of this patient's report, by the metric that is the share of time in each."""
        return PREGNANCY_BAND_OF if self.pregnant else BAND_OF

    @property
    def missed(self) -> tuple[TargetCheck, ...]:
        """Targets that are not met, lows first."""
        checks = () if isinstance(self.checks, Reason) else self.checks
        return tuple(sorted((c for c in checks if not c.met), key=_harm))


def detail(question: Question, found: CgmReview, next_hours: tuple[str, ...]) -> str:
    """The part below the summary: targets, levels, patterns, the risk of the moment, and the data."""
    why_none = next((x.text for x in (found.group, found.checks) if isinstance(x, Reason)), "")
    basis = why_none or f"Targets for {found.group}: Battelino 2019, Diabetes Care 42:1593."
    return wording.sections(
        _extreme_lines(found),
        _target_table(question, found),
        wording.bullets([*_level_lines(question, found), *_pattern_lines(question, found)]),
        wording.bullets([*next_hours]),
        _episodes(question, found),
        wording.bullets(_data_lines(question, found.metrics)),
        f"{basis} A review of recorded data; not an alarm and not a dose.",
    )


def _target_table(question: Question, found: CgmReview) -> str:
    unit = question.practice.glucose_unit
    if isinstance(found.checks, Reason):
        shares = {band: getattr(found.metrics, metric) for metric, band in found.bands.items()}
        rows = [(wording.band_in_both(band, unit), wording.percent(share)) for band, share in shares.items()]
        return wording.table(("Glucose", "Time"), rows)
    return wording.table(
        ("Glucose", "Time", "Target", ""),
        [
            (
                wording.band_in_both(check.target.band, unit),
                share_against(check),
                f"{check.target.side} {check.target.percent:g} %",
                "met" if check.met else "**not met**",
            )
            for check in found.checks
        ],
    )


def _level_lines(question: Question, found: CgmReview) -> list[str]:
    metrics = found.metrics
    mean, gmi, cv = metrics.mean_mgdl, metrics.gmi_percent, metrics.cv_percent
    gri, lbgi, hbgi = metrics.gri, metrics.lbgi, metrics.hbgi
    if mean is None or gmi is None or cv is None or gri is None or lbgi is None or hbgi is None:
        return []
    if found.pregnant:
        level = f"Mean {wording.glucose(mean, question.practice.glucose_unit)}, CV {cv:.0f} %"
        return [level, NOT_OF_PREGNANCY]
    zone = GRI_ZONES[min(4, int(gri // 20))]
    return [
        f"Mean {wording.glucose(mean, question.practice.glucose_unit)}, GMI {gmi:.1f} %, CV {cv:.0f} % "
        "(stable up to 36 %)",
        f"Risk indices: GRI {gri:.0f} of 100 (zone {zone}); LBGI {lbgi:.1f}; HBGI {hbgi:.1f}",
    ]


def _pattern_lines(question: Question, found: CgmReview) -> list[str]:
    if isinstance(found.patterns, Reason):
        return [f"Times of day: {found.patterns.text}"]
    lines = [f"Pattern: {pattern.text}" for pattern in found.patterns[:SHOWN_PATTERNS]]
    unit = question.practice.glucose_unit
    low, high = (wording.band(text, unit) for text in ("below 63 mg/dL", "above 140 mg/dL"))
    limits = [f"In patterns lows are {low}, highs {high}"] if found.pregnant else []
    return [*(lines or ["No recurring pattern by time of day was found"]), *limits]


def _episodes(question: Question, found: CgmReview) -> str:
    """Episodes as the consensus counts them; in pregnancy highs begin lower than those it counts."""
    unit, metrics = question.practice.glucose_unit, found.metrics
    low, very_low, high = (
        wording.band(text, unit) for text in ("below 70 mg/dL", "below 54 mg/dL", "above 180 mg/dL")
    )
    lows = f"{metrics.hypo_events} {low}, of which {metrics.hypo_level2_events} {very_low}"
    highs = "" if found.pregnant else f"; {metrics.hyper_events} {high}"
    return f"Episodes of 15 minutes or more: {lows}{highs}."


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


def detail_of_few(question: Question, found: CgmReview, next_hours: tuple[str, ...]) -> str:
    """The part below the summary where too few readings carry no review: what they are, and no verdict."""
    return wording.sections(
        _extreme_lines(found),
        _of_these_readings(question, found),
        wording.bullets([*next_hours]),
        _episodes(question, found),
        wording.bullets(_data_lines(question, found.metrics)),
        "Targets, patterns and indices are not stated on this little data.",
    )


def _extreme_lines(found: CgmReview) -> str:
    return wording.bullets([f"**{wording.capital(extreme.text)}**" for extreme in found.extremes])


def _of_these_readings(question: Question, found: CgmReview) -> str:
    """Mean and shares of the readings there are, as what they are: no basis for a verdict."""
    metrics = found.metrics
    if metrics.mean_mgdl is None:
        return ""
    unit = question.practice.glucose_unit
    shares = [
        f"{wording.percent(getattr(metrics, metric))} {wording.band(band, unit)}"
        for metric, band in found.bands.items()
    ]
    return f"Of these readings alone: mean {wording.glucose(metrics.mean_mgdl, unit)}; {', '.join(shares)}."


def share_against(check: TargetCheck) -> str:
    """The share, with a decimal more where rounding would print it as the target that it misses or meets."""
    value, target = check.value_percent, check.target.percent
    same = {f"{target:g} %", f"{target:.1f} %"}
    shown = (wording.percent(value), f"{value:.1f} %", f"{value:.2f} %")
    return next((text for text in shown if text not in same), shown[-1])


def _harm(check: TargetCheck) -> int:
    """Order of what is said first: below 54, other lows, then the rest as the consensus lists them."""
    return 0 if check.target.band == "below 54 mg/dL" else 1 if speaks_of_lows(check) else 2


def speaks_of_lows(check: TargetCheck) -> bool:
    """Whether the target is one on lows."""
    return check.target.band.startswith("below")
