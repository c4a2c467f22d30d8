"""The charts of the glucose page: the ambulatory profile, time in ranges, and a strip for each day.

Part of `charts`; glucose comes in mg/dL and is labelled in the organisation's unit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from cds_service.smart_app.charts import plot as draw
from cds_service.smart_app.charts.plot import NARROW, Array, Plot
from models.features.agp import SLOT_MIN, SLOTS, AmbulatoryProfile
from models.units import GlucoseUnit, to_mmoll

LOWEST_MGDL: Final = 40.0
HIGHEST_MGDL: Final = 350.0
"""What is beyond is drawn on the edge; 40 and 400 are where most sensors end."""

LEVEL_2_MGDL: Final = (54.0, 250.0)
DAY_MIN: Final = 1440
STRIP_HEIGHT: Final = 96
STRIP_WIDTH: Final = 200
DOSE_HEIGHT_U: Final = 15.0
"""A bolus this large fills the height that doses have in a strip."""

_PAIRS: Final = {54.0: "3.0", 70.0: "3.9", 180.0: "10.0", 250.0: "13.9", 350.0: "19.4"}


def tick(value_mgdl: float, unit: GlucoseUnit) -> str:
    """A limit as devices of this unit write it."""
    if unit == "mg/dL":
        return f"{value_mgdl:.0f}"
    return _PAIRS.get(value_mgdl, f"{to_mmoll(value_mgdl):.1f}")


def profile_chart(
    profile: AmbulatoryProfile, target_mgdl: tuple[float, float], unit: GlucoseUnit, width: int
) -> Markup:
    """Percentiles of glucose by time of day, with the target range behind them."""
    plot = Plot(width, 320 if width > NARROW else 250, (0.0, DAY_MIN), (LOWEST_MGDL, HIGHEST_MGDL))
    minute, curves = _whole_day(profile)
    limits = (LEVEL_2_MGDL[0], *target_mgdl, LEVEL_2_MGDL[1])
    every = 180 if width > NARROW else 360
    hours = [(float(m), f"{m // 60:02d}:00") for m in range(0, DAY_MIN + 1, every)]
    hours[-1] = (float(DAY_MIN), "24:00")
    parts = [
        draw.rectangle(plot, plot.x, target_mgdl, "target"),
        *(draw.rule_at_x(plot, at, "grid") for at, _ in hours),
        *(draw.rule_at_y(plot, at, "limit") for at in limits),
        draw.band(plot, minute, curves[5], curves[95], "outer"),
        draw.band(plot, minute, curves[25], curves[75], "inner"),
        draw.line(plot, minute, curves[50], "median"),
        *draw.y_labels(plot, [(at, tick(at, unit)) for at in (*limits, HIGHEST_MGDL)]),
        *draw.x_labels(plot, hours),
        draw.text(plot.left + 6, plot.top + 12, unit, "tick"),
    ]
    label = f"Ambulatory glucose profile: median and percentiles by time of day, in {unit}. Table below."
    return draw.figure(plot, label, parts, "profile")


def _whole_day(profile: AmbulatoryProfile) -> tuple[Array, Mapping[int, Array]]:
    """Slots at their middle, the outer ones repeated so that the curves reach midnight on both sides."""
    minute = (np.arange(-1, SLOTS + 1) + 0.5) * SLOT_MIN
    wrapped = {
        p: np.concatenate((c[-1:], c, c[:1])) for p in (5, 25, 50, 75, 95) for c in (profile.curve(p),)
    }
    inside = np.clip(minute, 0, DAY_MIN)
    return inside, wrapped


def range_bar(shares: Sequence[tuple[str, float]], label: str) -> Markup:
    """One bar of shares (class of the band, percent), lowest band first."""
    plot = Plot(NARROW, 22, (0.0, 100.0), (0.0, 1.0), left=0, right=0, top=0, bottom=0)
    edges = np.cumsum([0.0, *(percent for _, percent in shares)])
    parts = [
        draw.rectangle(plot, (float(a), float(b)), plot.y, f"share {name}")
        for (name, _), a, b in zip(shares, edges[:-1], edges[1:], strict=True)
    ]
    return draw.figure(plot, label, parts, "shares", stretched=True)


@dataclass(frozen=True, slots=True)
class Day:
    """One local day: minute and value of each reading, which are low or high, and what was given and eaten.

    `minute`, `value_mgdl` float64[n], `low`, `high` bool[n]; `doses` (minute, units), `carbs` (minute, g);
    `target_mgdl` is the range behind the curve.
    """

    minute: Array
    value_mgdl: Array
    low: NDArray[np.bool_]
    high: NDArray[np.bool_]
    doses: Sequence[tuple[float, float]]
    carbs: Sequence[tuple[float, float]]
    target_mgdl: tuple[float, float]


def day_strip(day: Day, label: str) -> Markup:
    """The strip of one day."""
    plot = Plot(
        STRIP_WIDTH, STRIP_HEIGHT, (0.0, DAY_MIN), (LOWEST_MGDL, HIGHEST_MGDL),
        left=1, right=1, top=2, bottom=24,
    )  # fmt: skip
    parts = [
        draw.rectangle(plot, plot.x, day.target_mgdl, "target"),
        draw.rule_at_x(plot, DAY_MIN / 2, "grid"),
        _curve(plot, day),
        _marks(plot, day, day.low, "low"),
        _marks(plot, day, day.high, "high"),
        *(_dose(plot, at, units) for at, units in day.doses),
        *(_meal(plot, at) for at, _ in day.carbs),
    ]
    return draw.figure(plot, label, parts, "strip")


GAP_MIN: Final = 45.0
"""As for episodes: over a longer gap nothing is known, so nothing is drawn."""


def _curve(plot: Plot, day: Day) -> str:
    broken = np.diff(day.minute, prepend=day.minute[:1]) > GAP_MIN
    return draw.line(plot, day.minute, np.where(broken, np.nan, day.value_mgdl), "trace")


def _marks(plot: Plot, day: Day, which: NDArray[np.bool_], name: str) -> str:
    """All marks of one kind as one path of zero-length strokes, which a round cap makes dots."""
    points = plot.points(day.minute[which], day.value_mgdl[which])
    return f'<path class="mark {name}" d="{"".join(f"M{x:.0f} {y:.0f}h0" for x, y in points)}"/>'


def _dose(plot: Plot, minute: float, units: float) -> str:
    """A bolus as a stroke on the lowest row, the higher the larger."""
    height = 3 + 10 * min(units, DOSE_HEIGHT_U) / DOSE_HEIGHT_U
    return f'<path class="dose" d="M{plot.at_x(minute):.0f} {plot.height}v-{height:.0f}"/>'


def _meal(plot: Plot, minute: float) -> str:
    """A meal as a triangle on the row above."""
    return f'<path class="meal" d="M{plot.at_x(minute):.0f} {plot.height - 21}l3.5 6h-7z"/>'
