"""Key numbers and times in ranges of the glucose page, by the bands and targets of the patient's group.

Part of the glucose page; in pregnancy the bands are those of pregnancy, and no GMI is stated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from cds_service.smart_app.chart_data import Chart
from cds_service.smart_app.charts.glucose import range_bar
from cds_service.smart_app.wording import Table, why
from hooks import wording
from hooks.cgm_detail import NOT_OF_PREGNANCY
from hooks.cgm_review import group_of
from models.assessment import Reason
from models.features.glycemic import BAND_OF, PREGNANCY_BAND_OF, GlycemicMetrics
from models.features.targets import PREGNANCY, TargetCheck, check_targets

SHARE_NAMES: Final = ("very-low", "low", "inside", "high", "very-high")


@dataclass(frozen=True, slots=True)
class Ranges:
    """Shares of time against targets. `target_words` is the target range in both units."""

    key_numbers: tuple[tuple[str, str], ...]
    times: Table
    targets: Table | None
    bar: Markup
    basis: str
    target_words: str


@dataclass(frozen=True, slots=True)
class Bands:
    """Names of the metrics of a group: inside its target range, below it, and all bands of its report."""

    inside: str
    below: str
    all: Mapping[str, str]


USUAL: Final = Bands("time_70_180_percent", "time_below_70_percent", BAND_OF)
OF_PREGNANCY: Final = Bands("time_63_140_percent", "time_below_63_percent", PREGNANCY_BAND_OF)


def ranges_of(chart: Chart, metrics: GlycemicMetrics) -> Ranges:
    """The numbers of one patient."""
    pregnant = bool(chart.record.concepts() & PREGNANCY)
    bands = OF_PREGNANCY if pregnant else USUAL
    checks, basis = _targets(chart, metrics)
    unit = chart.question.practice.glucose_unit
    return Ranges(
        key_numbers=_key_numbers(chart, metrics, bands),
        times=_times(chart, metrics, bands),
        targets=_verdicts(chart, checks) if checks else None,
        bar=_bar(metrics, bands),
        basis=f"{basis} {NOT_OF_PREGNANCY}." if pregnant else basis,
        target_words=wording.band_in_both(bands.all[bands.inside], unit),
    )


def _targets(chart: Chart, metrics: GlycemicMetrics) -> tuple[tuple[TargetCheck, ...], str]:
    """The consensus targets of this patient's group, or why none is applied."""
    group = group_of(chart.question)
    checks = group if isinstance(group, Reason) else check_targets(metrics, group)
    if isinstance(checks, Reason):
        return (), f"No target is applied: {' '.join(why(checks))}"
    said = group.value if not isinstance(group, Reason) else ""
    return checks, f"Targets for {said} (Battelino 2019, Diabetes Care 42:1593)."


def _times(chart: Chart, metrics: GlycemicMetrics, bands: Bands) -> Table:
    """Shares of time in the bands, the highest first."""
    unit = chart.question.practice.glucose_unit
    rows = [
        (wording.band_in_both(band, unit), _percent(getattr(metrics, metric)))
        for metric, band in reversed([*bands.all.items()])
    ]
    return Table("Time in each range", ("Glucose", "Time"), rows)


def _verdicts(chart: Chart, checks: tuple[TargetCheck, ...]) -> Table:
    """Each target with its verdict."""
    unit = chart.question.practice.glucose_unit
    rows = [
        (
            wording.band_in_both(check.target.band, unit),
            wording.percent(check.value_percent),
            f"{check.target.side} {check.target.percent:g} %",
            "met" if check.met else "not met",
        )
        for check in checks
    ]
    return Table("Targets", ("Glucose", "Time", "Target", "Verdict"), rows)


def _bar(metrics: GlycemicMetrics, bands: Bands) -> Markup:
    """Parts that add up to the whole; below 63 mg/dL holds what is below 54, which has a part of its own."""
    values = [getattr(metrics, metric) or 0.0 for metric in bands.all]
    said = ", ".join(f"{_percent(v)} {band}" for v, band in zip(values, bands.all.values(), strict=True))
    if bands is OF_PREGNANCY:
        values[1] -= values[0]
    return range_bar(list(zip(SHARE_NAMES, values, strict=False)), f"Time in ranges: {said}.")


def _key_numbers(chart: Chart, metrics: GlycemicMetrics, bands: Bands) -> tuple[tuple[str, str], ...]:
    unit = chart.question.practice.glucose_unit
    mean = "not known" if metrics.mean_mgdl is None else wording.glucose(metrics.mean_mgdl, unit)
    active = f"{wording.percent(metrics.sensor_active_percent)} of {metrics.window_days:.0f} days"
    return (
        ("In range", _percent(getattr(metrics, bands.inside))),
        ("Below range", _percent(getattr(metrics, bands.below))),
        ("Mean", mean),
        *((("GMI", _number(metrics, metrics.gmi_percent)),) if bands is USUAL else ()),
        ("CV", _number(metrics, metrics.cv_percent)),
        ("Sensor active", active),
    )


def _percent(value: float | None) -> str:
    return "not known" if value is None else wording.percent(value)


def _number(metrics: GlycemicMetrics, value: float | None) -> str:
    """An index of the period, which too little data does not carry."""
    if not metrics.sufficient:
        return "not stated"
    return "not known" if value is None else f"{value:.1f} %"
