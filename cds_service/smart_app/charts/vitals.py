"""The charts of the vital-signs page: weeks against the own baseline, and the last day against its hours.

Part of `charts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup

from cds_service.smart_app.charts import plot as draw
from cds_service.smart_app.charts.plot import NARROW, Array, Plot

HEIGHT: Final = 190
HOURS: Final = 24
ROOM: Final = 0.12
"""Of the range of values, what is left free above and below."""


@dataclass(frozen=True, slots=True)
class Weeks:
    """Days before today (0 is today, ascending to it) with their values, float64[n] each; None where unknown.

    `usual` is the range of the own baseline, `since_day` the first changed day, `first_recent` where the
    compared week begins, `days` how many the chart shows.
    """

    day: Array
    value: Array
    usual: tuple[float, float] | None
    since_day: float | None
    first_recent: float
    days: int
    decimals: int


def weeks_chart(weeks: Weeks, names: Sequence[tuple[float, str]], label: str, width: int) -> Markup:
    """One point a day; the baseline as a band; the change as a line with a mark."""
    beyond = [*weeks.value.tolist(), *(weeks.usual or ())]
    plot = Plot(width, HEIGHT, (0.3 - weeks.days, 0.7), _range(beyond), left=52)
    usual = weeks.usual
    shown = list(names) if width > NARROW else list(names)[::-2][::-1]
    parts = [
        *([draw.rectangle(plot, plot.x, usual, "usual")] if usual else []),
        *(draw.rule_at_x(plot, at, "grid") for at, _ in shown),
        draw.rule_at_x(plot, weeks.first_recent - 0.5, "edge"),
        draw.line(plot, weeks.day, weeks.value, "trace"),
        *(
            draw.dot(plot, at, _side(at[1], usual))
            for at in zip(weeks.day.tolist(), weeks.value.tolist(), strict=True)
        ),
        *(_changed(plot, weeks.since_day) if weeks.since_day is not None else []),
        *draw.y_labels(plot, _y_ticks(plot, weeks.decimals)),
        *draw.x_labels(plot, shown),
    ]
    return draw.figure(plot, label, parts, "weeks")


@dataclass(frozen=True, slots=True)
class LastDay:
    """The last 24 hours: hours before now (-24 to 0) with values, and the own range at each hour, or None.

    `hour`, `value` float64[n]; `band_hour`, `band_low`, `band_high` float64[m], NaN without a baseline.
    """

    hour: Array
    value: Array
    band_hour: Array
    band_low: Array
    band_high: Array
    decimals: int


def day_chart(day: LastDay, names: Sequence[tuple[float, str]], label: str, width: int) -> Markup:
    """The readings of the last day over the own range of each hour."""
    known = [
        v for v in (*day.value.tolist(), *day.band_low.tolist(), *day.band_high.tolist()) if not np.isnan(v)
    ]
    plot = Plot(width, HEIGHT, (-float(HOURS), 0.0), _range(known), left=52)
    points = zip(day.hour.tolist(), day.value.tolist(), strict=True)
    parts = [
        draw.band(plot, day.band_hour, day.band_low, day.band_high, "usual"),
        *(draw.rule_at_x(plot, at, "grid") for at, _ in names),
        draw.line(plot, day.hour, day.value, "trace"),
        *([draw.dot(plot, at, "point", radius=2.2) for at in points] if day.hour.size <= FEW else []),
        *draw.y_labels(plot, _y_ticks(plot, day.decimals)),
        *draw.x_labels(plot, names),
    ]
    return draw.figure(plot, label, parts, "last-day")


FEW: Final = 60
"""More readings are a line; dots would hide it."""


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = max((high - low) * ROOM, abs(high) * 0.01, 0.1)
    return low - room, high + room


def _side(value: float, usual: tuple[float, float] | None) -> str:
    return "point" if usual is None or usual[0] <= value <= usual[1] else "point beyond"


def _changed(plot: Plot, since_day: float) -> list[str]:
    x = plot.at_x(since_day - 0.5)
    words = draw.text(x - 5, plot.top + 10, "changed", "tick changed end")
    return [draw.rule_at_x(plot, since_day - 0.5, "change"), words]


def _y_ticks(plot: Plot, decimals: int) -> list[tuple[float, str]]:
    """Three to six round numbers inside the range; no vital sign is below zero."""
    low, high = plot.y
    rough = (high - low) / 4
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough)
    step = max(float(step), 10.0**-decimals)
    ticks = np.arange(np.ceil(low / step) * step, high, step)
    return [(float(v), f"{abs(v):,.{decimals}f}") for v in ticks if v > -step / 2]
