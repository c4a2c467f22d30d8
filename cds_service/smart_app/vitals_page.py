"""The vital-signs page: each signal over weeks against the own baseline, and over the last day by its hours.

One of the pages in `routes`; what changed is decided by `models.risk.vital_signs` alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from cds_service.smart_app.chart_data import Chart, Reader
from cds_service.smart_app.charts.plot import NARROW, WIDE, Array
from cds_service.smart_app.charts.vitals import LastDay, Weeks, day_chart, weeks_chart
from cds_service.smart_app.wording import Charts, Table, clock_words, why
from hooks import needs, wording
from hooks.glucose_card import left_out
from hooks.vital_signs_gaps import not_assessed_lines
from models import signals
from models.assessment import Reason, Refused
from models.features.baseline import baseline_of
from models.features.daily_values import DailyValues, daily_medians
from models.features.local_time import local_day, minute_of_day
from models.features.sampling import DAY_MS
from models.risk.vital_change import RANGE_SDS, WINDOW_DAYS, Window, window_at
from models.risk.vital_comparison import Comparison, unit_text
from models.risk.vital_signs import VitalSignsReview, review_vital_signs, watched_days
from models.risk.watched_signals import WATCHED, Watched
from models.time_series import TimeSeries

HOUR_MS: Final = 3_600_000
MOST_POINTS: Final = 1500
"""Of the last day; a signal by the second is thinned to this many."""

PRESSURES: Final = (
    (signals.SYSTOLIC, "Systolic blood pressure"),
    (signals.DIASTOLIC, "Diastolic blood pressure"),
)
"""Compared with targets, not with the own baseline; the page shows their days."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal as it is shown; a chart is None where there is nothing to draw."""

    name: str
    label: str
    said: str
    changed: bool
    weeks: Charts | None
    last_day: Charts | None


def view(reader: Reader, _: Mapping[str, str]) -> tuple[Chart, dict[str, Any]]:
    """The page as of now."""
    chart = reader.read(needs.VITAL_SIGNS, needs.ACTIVITY)
    review = review_of(chart)
    shown = {
        "signals": signals_of(chart, review) if isinstance(review, VitalSignsReview) else (),
        "refused": why(review) if isinstance(review, Refused) else [],
        "other": _other_findings(review) if isinstance(review, VitalSignsReview) else None,
        "not_assessed": not_assessed_lines(chart.question, review)
        if isinstance(review, VitalSignsReview)
        else [],
        "left_out": left_out(chart.question),
        "clock": clock_words(chart),
    }
    return chart, shown


def review_of(chart: Chart) -> VitalSignsReview | Refused:
    """The review that the card rests on."""
    return review_vital_signs(chart.record, chart.question.age_years, chart.zone, chart.as_of_ms)


def signals_of(chart: Chart, review: VitalSignsReview) -> tuple[Signal, ...]:
    """The signals that the record has, those that changed first."""
    window = window_at(chart.as_of_ms, ZoneInfo(chart.zone or "UTC"))
    compared = {c.name: c for c in review.comparisons}
    shown = [
        _watched(chart, watched, compared.get(f"{watched.signal}_change"), window)
        for watched in WATCHED
        if watched.signal in chart.record.series
    ]
    shown += [
        _pressure(chart, *names, compared, window) for names in PRESSURES if names[0] in chart.record.series
    ]
    return tuple(sorted(shown, key=lambda signal: not signal.changed))


def _watched(chart: Chart, watched: Watched, found: Comparison | None, window: Window) -> Signal:
    values = watched_days(watched, chart.record, window)
    unit = unit_text(watched.unit)
    manner = Manner(watched.label, unit, watched.decimals)
    return Signal(
        name=watched.signal,
        label=watched.label,
        said=_said(chart, found, manner),
        changed=found is not None and found.urgency is not None,
        weeks=None if values is None else _weeks(values, found, manner, window),
        last_day=_last_day(chart, chart.record.series[watched.signal], manner)
        if watched.shape in HOURLY
        else None,
    )


HOURLY: Final = frozenset({"by_hour", "by_day"})
"""Shapes of signals whose readings within a day mean something: not totals, not nights."""


def _pressure(
    chart: Chart, signal: str, label: str, compared: Mapping[str, Comparison], window: Window
) -> Signal:
    manner, series = Manner(label, "mmHg", 0), chart.record.series[signal]
    values = daily_medians(
        series.between(chart.as_of_ms - WINDOW_DAYS * DAY_MS, chart.as_of_ms), window.clock
    )
    found = compared.get(f"{signal}_target")
    return Signal(
        name=signal,
        label=label,
        said=_said(chart, found, manner),
        changed=found is not None and found.urgency is not None,
        weeks=_weeks(values, None, manner, window),
        last_day=_last_day(chart, series, manner),
    )


@dataclass(frozen=True, slots=True)
class Manner:
    """How a signal's numbers are written."""

    label: str
    unit: str
    decimals: int

    def number(self, value: float) -> str:
        return f"{value:,.{self.decimals}f}"


def _said(chart: Chart, found: Comparison | None, manner: Manner) -> str:
    """What the review found of this signal, in a sentence."""
    if found is None:
        return "Not compared: see what could not be assessed."
    now = f"now {manner.number(found.now.value)} {manner.unit}"
    usual = f", own baseline {manner.number(found.usual.value)}" if found.usual else ""
    since = (
        f" since {wording.day(found.since_ms, chart.zone)}"
        if found.since_ms and found.urgency is not None
        else ""
    )
    before = " or before" if since and found.since_or_before else ""
    said = found.says.capitalize()
    return f"{said}{since}{before}: {now}{usual}" + (f" ({found.statistic})." if found.statistic else ".")


def _weeks(values: DailyValues, found: Comparison | None, manner: Manner, window: Window) -> Charts | None:
    """The last four weeks, a value a day."""
    shown = values.between(window.today - WINDOW_DAYS + 1, window.today)
    if not len(shown):
        return None
    usual = found.usual if found else None
    changed = found is not None and found.urgency is not None and found.since_ms is not None
    since = (
        int(local_day(np.array([found.since_ms]), window.clock)[0]) - window.today
        if found and changed
        else None
    )
    weeks = Weeks(
        day=(shown.day - window.today).astype(np.float64),
        value=shown.value,
        usual=(usual.low, usual.high) if usual and usual.low is not None and usual.high is not None else None,
        since_day=since,
        first_recent=float(window.first_recent - window.today),
        days=WINDOW_DAYS,
        decimals=manner.decimals,
    )
    names = [
        (float(-back), _day_name(window.today - back))
        for back in range(WINDOW_DAYS - WINDOW_DAYS % 7, -1, -7)
    ]
    label = f"{manner.label}, a value a day for {WINDOW_DAYS} days, over the own baseline. Table below."
    wide, narrow = (weeks_chart(weeks, names, label, width) for width in (WIDE, NARROW))
    rows = [
        (_day_name(int(d)), manner.number(v)) for d, v in zip(shown.day[::-1], shown.value[::-1], strict=True)
    ]
    return Charts(wide, narrow, Table(f"{manner.label} by day", ("Day", manner.unit), rows))


def _last_day(chart: Chart, series: TimeSeries, manner: Manner) -> Charts | None:
    """The last 24 hours over the own range of each hour."""
    recent = series.between(chart.as_of_ms - DAY_MS, chart.as_of_ms)
    if len(recent) < FEWEST_OF_A_DAY:
        return None
    thinned = recent.take(np.linspace(0, len(recent) - 1, min(len(recent), MOST_POINTS)).astype(np.int64))
    hour, low, high = _usual_hours(chart, series)
    day = LastDay(
        hour=(thinned.at_ms - chart.as_of_ms) / HOUR_MS,
        value=thinned.value,
        band_hour=hour,
        band_low=low,
        band_high=high,
        decimals=manner.decimals,
    )
    names = [(float(-back), _clock_name(chart, back)) for back in (24, 18, 12, 6, 0)]
    label = f"{manner.label}, the last 24 hours, over the own range of each hour. Table below."
    wide, narrow = (day_chart(day, names, label, width) for width in (WIDE, NARROW))
    return Charts(
        wide,
        narrow,
        Table(f"{manner.label}, last 24 hours by hour", HOUR_HEADER, _by_hour(chart, recent, manner)),
    )


FEWEST_OF_A_DAY: Final = 4
"""Fewer readings make no course of a day; the days above show them."""

HOUR_HEADER: Final = ("Hour from", "Readings", "Lowest", "Median", "Highest")


def _by_hour(chart: Chart, recent: TimeSeries, manner: Manner) -> list[tuple[str, ...]]:
    back = (chart.as_of_ms - recent.at_ms) // HOUR_MS
    rows = []
    for hours in np.unique(back)[::-1].tolist():
        value = recent.value[back == hours]
        numbers = (float(value.min()), float(np.median(value)), float(value.max()))
        rows.append((_clock_name(chart, hours + 1), f"{value.size}", *(manner.number(v) for v in numbers)))
    return rows


def _usual_hours(chart: Chart, series: TimeSeries) -> tuple[Array, Array, Array]:
    """The own range at each of the last 24 hours (before this day); all NaN where there is no baseline."""
    hour = np.arange(-24.0, 1.0)
    own = baseline_of(series, chart.as_of_ms - DAY_MS, chart.zone)
    if isinstance(own, Reason):
        return hour, np.full(hour.size, np.nan), np.full(hour.size, np.nan)
    at_ms = (chart.as_of_ms + hour * HOUR_MS).astype(np.int64)
    clock_hour = minute_of_day(at_ms, own.clock) // 60
    half = RANGE_SDS * own.spread[clock_hour]
    return hour, own.median[clock_hour] - half, own.median[clock_hour] + half


def _day_name(day: int) -> str:
    return f"{date(1970, 1, 1) + timedelta(days=int(day)):%d %b}"


def _clock_name(chart: Chart, hours_back: int) -> str:
    at = datetime.fromtimestamp((chart.as_of_ms - hours_back * HOUR_MS) / 1000, ZoneInfo(chart.zone or "UTC"))
    return f"{at:%H:%M}"


def _other_findings(review: VitalSignsReview) -> Table:
    """Checks that are no comparison with the own weeks: limits, targets, reports."""
    rows = [
        (
            c.label,
            f"{c.now.value:,.{c.decimals}f} {unit_text(c.unit)}".strip(),
            c.says,
            c.source,
        )
        for c in review.comparisons
        if c.kind != "change"
    ]
    return Table("Against limits and targets", ("Signal", "Value", "Finding", "Rule"), rows)


def findings(chart: Chart, review: VitalSignsReview) -> list[str]:
    """What was found, a line each; and that nothing was, with how little that may mean."""
    said = [
        f"{c.label}: {_said(chart, c, Manner(c.label, unit_text(c.unit), c.decimals))}"
        for c in review.findings
    ]
    compared = [c.label for c in review.comparisons if c.kind == "change"]
    if not compared:
        return said or ["Not assessed: too few vital signs of a device are in the data received."]
    return said or [f"No change found in {', '.join(compared)}; other signals were not assessed."]
