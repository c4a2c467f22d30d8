"""The glucose page: profile, days, time in ranges against targets, episodes, insulin, food, data quality.

One of the pages in `routes`; numbers come from `models.features`, words from `hooks.wording`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from cds_service.smart_app.chart_data import Chart, Reader
from cds_service.smart_app.charts.glucose import profile_chart
from cds_service.smart_app.charts.plot import NARROW, WIDE
from cds_service.smart_app.day_strips import DayStrip, day_strips
from cds_service.smart_app.glucose_ranges import Ranges, ranges_of
from cds_service.smart_app.wording import Charts, Table, clock_words, low_now, why
from hooks import needs, wording
from hooks.glucose_card import left_out
from hooks.prefetch import DataNeed
from models.assessment import Reason
from models.features.agp import SLOTS, AmbulatoryProfile, ambulatory_profile
from models.features.episodes import Episode, find_episodes
from models.features.glycemic import GlycemicMetrics, glycemic_metrics
from models.features.patterns import find_patterns
from models.features.sampling import DAY_MS
from models.features.targets import range_of
from models.preprocess.usable_cgm import usable_cgm
from models.signals import CARBS, GLUCOSE_CGM, GLUCOSE_SMBG, INSULIN_BOLUS
from models.time_series import TimeSeries
from models.units import GlucoseUnit, to_mmoll

WINDOWS_DAYS: Final = (14, 30, 90)
SHOWN_EPISODES: Final = 12
SHOWN_FINGERSTICKS: Final = 30
TOO_LITTLE: Final = "Patterns are not stated on this little data."
PROFILE_STEP: Final = 12
"""Slots between two rows of the profile's table: every three hours."""


@dataclass(frozen=True, slots=True)
class Review:
    """Everything on the page that rests on sensor readings."""

    metrics: GlycemicMetrics
    ranges: Ranges
    patterns: tuple[str, ...]
    profile: Charts | None
    no_profile: tuple[str, ...]
    days: tuple[DayStrip, ...]
    episodes: Table
    quality: tuple[str, ...]


def view(reader: Reader, asked: Mapping[str, str]) -> tuple[Chart, dict[str, Any]]:
    """The page for the window that `days` names; two weeks without one."""
    days = next((d for d in WINDOWS_DAYS if str(d) == asked.get("days")), WINDOWS_DAYS[0])
    chart = reader.read(*wanted(days))
    shown = {"review": review(chart, days), "fingersticks": _fingersticks(chart, days), "days": days}
    return chart, shown | {"windows": WINDOWS_DAYS, "clock": clock_words(chart), "low": low_now(chart)}


def wanted(days: int) -> tuple[DataNeed, ...]:
    """What the page reads: glucose, and what explains it, over the same days."""
    return tuple(
        replace(need, days=days) for need in (needs.CGM, needs.FINGERSTICKS, needs.INSULIN_GIVEN, needs.DIARY)
    )


def review(chart: Chart, days: int) -> Review | None:
    """What the sensor's readings of these days say; None where there are none."""
    series = chart.record.series.get(GLUCOSE_CGM)
    window = None if series is None else series.between(chart.as_of_ms - days * DAY_MS, chart.as_of_ms)
    if window is None or not len(window):
        return None
    metrics = glycemic_metrics(window, chart.as_of_ms, days)
    used = usable_cgm(window).series
    profile = ambulatory_profile(window, chart.zone)
    return Review(
        metrics=metrics,
        ranges=ranges_of(chart, metrics),
        patterns=_patterns(chart, window, metrics),
        profile=None if isinstance(profile, Reason) else _profile(chart, profile),
        no_profile=tuple(why(profile)) if isinstance(profile, Reason) else (),
        days=day_strips(used, chart.record.series.get(INSULIN_BOLUS), chart.record.series.get(CARBS), chart),
        episodes=_episodes(chart, used),
        quality=tuple(_quality(chart, metrics, days)),
    )


def _patterns(chart: Chart, window: TimeSeries, metrics: GlycemicMetrics) -> tuple[str, ...]:
    if not metrics.sufficient:
        return (TOO_LITTLE,)
    carbs, limits = chart.record.series.get(CARBS), range_of(chart.record.concepts())
    found = find_patterns(window, chart.zone, metrics.cv_percent, carbs, limits)
    if isinstance(found, Reason):
        return tuple(why(found))
    return tuple(pattern.text for pattern in found) or ("No recurring pattern by time of day was found.",)


def _profile(chart: Chart, profile: AmbulatoryProfile) -> Charts:
    unit = chart.question.practice.glucose_unit
    low, high = range_of(chart.record.concepts())
    target = (low.mgdl, high.mgdl)
    wide, narrow = (profile_chart(profile, target, unit, width) for width in (WIDE, NARROW))
    header = ("Time of day", "5 %", "25 %", "Median", "75 %", "95 %")
    return Charts(
        wide, narrow, Table(f"Glucose by time of day, {unit}", header, _profile_rows(profile, unit))
    )


def _profile_rows(profile: AmbulatoryProfile, unit: GlucoseUnit) -> list[tuple[str, ...]]:
    rows = []
    for slot in range(0, SLOTS, PROFILE_STEP):
        values = [float(profile.curve(p)[slot]) for p in (5, 25, 50, 75, 95)]
        rows.append((f"{slot // 4:02d}:00", *(_value(v, unit) for v in values)))
    return rows


def _value(value_mgdl: float, unit: GlucoseUnit) -> str:
    if np.isnan(value_mgdl):
        return "no reading"
    return f"{value_mgdl:.0f}" if unit == "mg/dL" else f"{to_mmoll(value_mgdl):.1f}"


def _episodes(chart: Chart, used: TimeSeries) -> Table:
    """Lows of 15 minutes and more, newest first, and very high glucose after them."""
    lows, highs = find_episodes(used, "low"), find_episodes(used, "high", 2)
    very_low = find_episodes(used, "low", 2)
    shown = (*lows[::-1][:SHOWN_EPISODES], *highs[::-1][:SHOWN_EPISODES])
    rows = [_episode(chart, each, very_low) for each in shown]
    unit = chart.question.practice.glucose_unit
    low, high = wording.band("below 70 mg/dL", unit), wording.band("above 250 mg/dL", unit)
    caption = (
        f"Episodes of 15 minutes or more: {len(lows)} {low}, {len(highs)} {high}"
        f" (the newest {SHOWN_EPISODES} of each)"
    )
    return Table(caption, ("Began", "Kind", "Minutes", "Extreme"), rows)


def _episode(chart: Chart, episode: Episode, very_low: tuple[Episode, ...]) -> tuple[str, ...]:
    """A low that holds one of level 2 is called very low."""
    unit = chart.question.practice.glucose_unit
    deep = any(episode.start_ms <= inner.start_ms < episode.end_ms for inner in very_low)
    kind = "very high" if episode.side == "high" else "very low" if deep else "low"
    extreme = wording.glucose(episode.extreme_mgdl, unit)
    return wording.moment(episode.start_ms, chart.zone), kind, f"{episode.minutes:.0f}", extreme


def _quality(chart: Chart, metrics: GlycemicMetrics, days: int) -> list[str]:
    newest = wording.age(metrics.newest_ms, chart.as_of_ms) if metrics.newest_ms else "none"
    lines = [
        f"{wording.count(metrics.readings, 'reading')} on {metrics.days_with_readings} of {days} days, "
        f"{metrics.sensor_active_percent:.0f} % of the time; newest {newest}",
        f"Beyond the sensor's range: {metrics.readings_below_range} low, {metrics.readings_above_range} high",
    ]
    lines += [f"Removed: {n} ({what.replace('_', ' ')})" for what, n in metrics.removed.items() if n]
    return lines + left_out(chart.question)


def _fingersticks(chart: Chart, days: int) -> Table | None:
    series = chart.record.series.get(GLUCOSE_SMBG)
    window = None if series is None else series.between(chart.as_of_ms - days * DAY_MS, chart.as_of_ms)
    if window is None or not len(window):
        return None
    unit = chart.question.practice.glucose_unit
    newest = np.arange(len(window))[::-1][:SHOWN_FINGERSTICKS].tolist()
    rows = [
        (wording.moment(int(window.at_ms[i]), chart.zone), wording.reading(window, i, unit)) for i in newest
    ]
    caption = f"Meter readings: {len(window)} in {days} days (the newest {SHOWN_FINGERSTICKS})"
    return Table(caption, ("Taken", "Glucose"), rows)
