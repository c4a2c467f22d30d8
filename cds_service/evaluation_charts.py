"""The charts of an evaluation's page: ROC, calibration, algorithms side by side, training loss.

Drawn as SVG with the shapes of the app's charts, so that a page needs no plotting library and no network.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from cds_service.smart_app.charts.plot import Plot, dot, figure, line, x_labels, y_labels

COLOURS: Final = 8
"""Classes `k0` to `k7` of the style sheet."""

SQUARE: Final = 360
ROW: Final = 26
TENTHS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

Curves = Mapping[str, Mapping[str, Any]]


def roc_chart(curves: Curves, title: str) -> Markup:
    """True against false positive share, a line a model; the diagonal is chance."""
    plot = Plot(SQUARE, SQUARE, (0.0, 1.0), (0.0, 1.0))
    lines = [
        _line(plot, found["roc"], f"line k{index % COLOURS}")
        for index, found in enumerate(curves.values())
        if found["roc"]
    ]
    return figure(plot, title, [*_frame(plot, 1.0), *lines], "chart")


def calibration_chart(curves: Curves, title: str) -> Markup:
    """Observed against stated share, a line a model that states probabilities; the diagonal is right."""
    stated = {n: found["calibration"] for n, found in curves.items() if found["calibration"]}
    most = max((value for points in stated.values() for pair in points for value in pair), default=1.0)
    top = float(next(edge for edge in (0.1, 0.2, 0.3, 0.5, 1.0) if edge >= most))
    plot = Plot(SQUARE, SQUARE, (0.0, top), (0.0, top))
    parts = [*_frame(plot, top)]
    for index, name in enumerate(curves):
        for pair in stated.get(name, []):
            parts.append(dot(plot, (pair[0], pair[1]), f"dot k{index % COLOURS}", f"{name}: {pair[1]:.3f}"))
        if name in stated:
            parts.append(_line(plot, stated[name], f"line k{index % COLOURS}"))
    return figure(plot, title, parts, "chart")


def comparison_chart(found: Mapping[str, Mapping[str, Any]], metric: str, title: str) -> Markup:
    """One row a model: the metric as a dot, its 95 % interval over people as a line."""
    known = {name: metrics for name, metrics in found.items() if metrics[metric] is not None}
    ends = [value for m in known.values() for value in (m[metric], *m[f"{metric}_interval_95"])]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    edges = (np.floor(low * 20) / 20, np.ceil(high * 20) / 20 + 1e-9)
    plot = Plot(560, 48 + ROW * len(found), edges, (0.5 - len(found), 0.5), left=170)
    ticks = [(float(x), f"{x:.2f}") for x in np.linspace(*edges, 6)]
    parts = [
        *y_labels(plot, [(-row, name.replace("_", " ")) for row, name in enumerate(found)]),
        *x_labels(plot, ticks),
    ]
    for row, (name, metrics) in enumerate(found.items()):
        if name in known:
            across = [[end, -row] for end in metrics[f"{metric}_interval_95"]]
            colour = f"k{row % COLOURS}"
            parts += [
                _line(plot, across, f"line {colour}"),
                dot(plot, (metrics[metric], -row), f"dot {colour}"),
            ]
    return figure(plot, title, parts, "chart wide")


def loss_chart(losses: Mapping[str, Mapping[str, Sequence[float]]], title: str) -> Markup:
    """Log loss by round of training on people learned from and left out, a colour an algorithm.

    Rounds are drawn as shares of each algorithm's training, which count epochs for one and trees for another.
    """
    values = [value for parts in losses.values() for series in parts.values() for value in series]
    plot = Plot(560, SQUARE, (0.0, 1.0), (min(values), max(values)))
    ticks = [(float(y), f"{y:.3f}") for y in np.linspace(*plot.y, 5)]
    parts = [*y_labels(plot, ticks), *x_labels(plot, [(0.0, "start"), (1.0, "end")])]
    for index, by_people in enumerate(losses.values()):
        for people, series in by_people.items():
            share = np.linspace(0, 1, len(series))
            points = [[float(x), y] for x, y in zip(share, series, strict=True)]
            parts.append(_line(plot, points, f"line k{index % COLOURS} {people}"))
    return figure(plot, title, parts, "chart wide")


def _frame(plot: Plot, top: float) -> list[str]:
    ticks = [(share * top, f"{share * top:.2g}") for share in TENTHS]
    diagonal = line(plot, np.array([0.0, top]), np.array([0.0, top]), "diagonal")
    return [diagonal, *x_labels(plot, ticks), *y_labels(plot, ticks)]


def _line(plot: Plot, points: Sequence[Sequence[float]], name: str) -> str:
    x, y = np.array(points, np.float64).T
    return line(plot, x, y, name)
