"""One strip for each local day: the sensor's curve, boluses, meals, and the day in a sentence.

Part of the glucose page.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from cds_service.smart_app.chart_data import Chart
from cds_service.smart_app.charts.glucose import Day, day_strip
from hooks import wording
from models.dosing.dose_format import stated_units_text
from models.features.bands import shown_glucose
from models.features.local_time import MINUTES_PER_DAY, local_day, minute_of_day
from models.features.sampling import reading_minutes
from models.features.targets import range_of
from models.time_series import TimeSeries

WHOLE_DAY_SHARE: Final = 0.7
"""As the consensus asks of two weeks (Battelino 2019), so here of a day (our judgement)."""

EPOCH: Final = date(1970, 1, 1)
UTC_ZONE: Final = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class DayStrip:
    """One day: its date, the strip, and the same in words."""

    name: str
    strip: Markup
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A series with the local day and minute of each sample."""

    series: TimeSeries
    day: NDArray[np.int64]
    minute: NDArray[np.int64]

    def on(self, day: int) -> "_Placed":
        mine = self.day == day
        return _Placed(self.series.take(mine), self.day[mine], self.minute[mine])


def day_strips(
    glucose: TimeSeries, boluses: TimeSeries | None, carbs: TimeSeries | None, chart: Chart
) -> tuple[DayStrip, ...]:
    """The days that have a reading, newest first."""
    clock = ZoneInfo(chart.zone) if chart.zone else UTC_ZONE
    readings, given, eaten = (
        _placed(series, clock) if series is not None else None for series in (glucose, boluses, carbs)
    )
    if readings is None:
        return ()
    days = np.unique(readings.day)[::-1].tolist()
    return tuple(
        _strip(day, readings.on(day), given and given.on(day), eaten and eaten.on(day), chart) for day in days
    )


def _placed(series: TimeSeries, clock: ZoneInfo) -> _Placed:
    return _Placed(series, local_day(series.at_ms, clock), minute_of_day(series.at_ms, clock))


def _strip(
    day: int, glucose: _Placed, given: _Placed | None, eaten: _Placed | None, chart: Chart
) -> DayStrip:
    unit = chart.question.practice.glucose_unit
    shown = shown_glucose(glucose.series)
    limits = range_of(chart.record.concepts())
    low, high = shown.below(limits[0]), shown.above(limits[1])
    doses, meals, value = _pairs(given), _pairs(eaten), glucose.series.value
    name = f"{EPOCH + timedelta(days=day):%a %d %b}"
    words = [
        _inside(glucose, 100 * float(np.mean(~low & ~high))),
        f"lowest {wording.glucose(float(value.min()), unit)}",
        *([f"boluses {stated_units_text(round(sum(u for _, u in doses), 1))}"] if doses else []),
        *([f"carbohydrate {sum(g for _, g in meals):.0f} g"] if meals else []),
    ]
    drawn = Day(
        glucose.minute.astype(np.float64), value, low, high, doses, meals, (limits[0].mgdl, limits[1].mgdl)
    )
    return DayStrip(name, day_strip(drawn, f"{name}: {', '.join(words)}."), tuple(words))


def _inside(glucose: _Placed, inside_percent: float) -> str:
    """The share in range of a day that was measured for most of it; else how much was measured."""
    minutes = float(reading_minutes(glucose.series.at_ms, glucose.series.source).sum())
    if minutes < WHOLE_DAY_SHARE * MINUTES_PER_DAY:
        return f"{wording.percent(min(100.0, 100 * minutes / MINUTES_PER_DAY))} of the day measured"
    return f"{wording.percent(inside_percent)} in range"


def _pairs(placed: _Placed | None) -> list[tuple[float, float]]:
    """Minute of day and value of each sample."""
    if placed is None:
        return []
    return list(zip(placed.minute.tolist(), placed.series.value.tolist(), strict=True))
