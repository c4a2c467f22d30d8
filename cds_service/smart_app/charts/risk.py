"""The charts of the risk page: probabilities with their intervals, and how the reasons add up.

Part of `charts`.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from markupsafe import Markup

from cds_service.smart_app.charts import plot as draw
from cds_service.smart_app.charts.plot import NARROW, Plot
from models.assessment import Interval
from models.risk.additive_model import logistic

ROW: Final = 38
LEAST_SCALE: Final = 0.10
"""A scale that ended lower would make a small risk look large."""

TICKS: Final = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.95)


def interval_chart(rows: Sequence[tuple[str, Interval]], label: str, width: int) -> Markup:
    """One probability a row, as a point with its interval."""
    top = max(LEAST_SCALE, *(found.high for _, found in rows)) * 1.1
    plot = Plot(width, ROW * len(rows) + 34, (0.0, min(1.0, top)), (0.0, float(len(rows))), left=86)
    step = 0.02 if top <= 0.2 else 0.1 if top <= 0.6 else 0.2
    ticks = [(float(v), f"{100 * v:.0f} %") for v in np.arange(0.0, min(1.0, top) + 1e-9, step)]
    parts = [*(draw.rule_at_x(plot, at, "grid") for at, _ in ticks), *draw.x_labels(plot, ticks)]
    for row, (name, found) in enumerate(rows):
        y = len(rows) - row - 0.5
        said = f"{name}: {100 * found.value:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f} %)"
        parts.append(draw.rectangle(plot, (found.low, found.high), (y - 0.12, y + 0.12), "interval", said))
        parts.append(draw.dot(plot, (found.value, y), "value", said, 5))
        parts.append(draw.text(plot.left - 8, plot.at_y(y) + 4, name, "tick end"))
    return draw.figure(plot, label, parts, "intervals")


def waterfall(steps: Sequence[tuple[str, float]], label: str, width: int) -> Markup:
    """Log-odds from the average moment (the first step) to this one, each bar from where the last ended."""
    edges = np.cumsum([0.0, *(points for _, points in steps)])
    low, high = float(edges[1:].min()) - 0.5, float(edges[1:].max()) + 0.8
    left = max(150 if width > NARROW else 112, draw.label_px(name for name, _ in steps))
    plot = Plot(width, ROW * (len(steps) + 1) + 34, (low, high), (0.0, len(steps) + 1.0), left=left)
    ticks = [(float(np.log(p / (1 - p))), f"{100 * p:g} %") for p in TICKS]
    shown = [tick for tick in ticks if low < tick[0] < high]
    parts = [
        *(draw.rule_at_x(plot, at, "grid") for at, _ in shown),
        *draw.x_labels(plot, _apart(plot, shown)),
    ]
    for row, (name, points) in enumerate(steps):
        span = (float(edges[row]) if row else float(edges[1]), float(edges[row + 1]))
        parts += _step(plot, len(steps) + 0.5 - row, span, "" if row == 0 else f"{points:+.1f}")
        parts.append(draw.text(plot.left - 8, plot.at_y(len(steps) + 0.5 - row) + 4, name, "tick end"))
    parts.append(draw.dot(plot, (float(edges[-1]), 0.5), "total", radius=6))
    parts.append(draw.text(plot.left - 8, plot.at_y(0.5) + 4, _percent(float(edges[-1])), "tick end strong"))
    return draw.figure(plot, label, parts, "waterfall")


def _step(plot: Plot, y: float, span: tuple[float, float], points: str) -> list[str]:
    """A bar with its points, or the dot of the start, and the line from its end to the next row."""
    x, kind = plot.at_x(span[1]), "raises" if span[1] > span[0] else "lowers"
    lead = f'<path class="lead" d="M{x:.1f} {plot.at_y(y):.1f}V{plot.at_y(y - 1):.1f}"/>'
    if not points:
        return [lead, draw.dot(plot, (span[1], y), "total", radius=6)]
    words = draw.text(plot.at_x(max(span)) + 6, plot.at_y(y) + 4, points, "tick")
    return [lead, draw.rectangle(plot, span, (y - 0.28, y + 0.28), f"bar {kind}"), words]


def _apart(plot: Plot, ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Ticks far enough from each other to be read."""
    kept: list[tuple[float, str]] = []
    for tick in ticks:
        if not kept or plot.at_x(tick[0]) - plot.at_x(kept[-1][0]) > 40:
            kept.append(tick)
    return kept


def _percent(log_odds: float) -> str:
    return f"{100 * float(logistic(np.array([log_odds]))[0]):.1f} %"
