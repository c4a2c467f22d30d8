"""The charts of an evaluation's page: ROC, calibration, algorithms in rows, training loss.

Drawn as SVG with the shapes of the app's charts, so that a page needs no plotting library and no network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from cds_service.smart_app.charts.plot import Plot, dot, figure, line, x_labels, y_labels

COLOURS: Final = 8
"""Classes `k0` to `k7` of the style sheet."""

SQUARE: Final = 360
ROW: Final = 26
TENTHS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

ROW_SHARE: Final = 0.6
"""Of the height of a row, what its marks are spread over."""

Curves = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class View:
    """One heading with its charts: names in the order of their colours, charts with captions, a table."""

    title: str
    key: tuple[str, ...]
    charts: tuple[tuple[Markup, str], ...]
    table: tuple[tuple[str, ...], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A number in a row: its place among the colours, its interval where known, what it is the mean of."""

    value: float
    colour: int
    interval: Sequence[float | None] = ()
    parts: Sequence[float] = ()

    @property
    def ends(self) -> list[float]:
        """The known ends of the interval."""
        return [end for end in self.interval if end is not None]


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
    marks = {
        name: mark_of(metrics, metric, row % COLOURS) for row, (name, metrics) in enumerate(found.items())
    }
    return rows_chart({name: [mark] if mark else [] for name, mark in marks.items()}, title)


def mark_of(metrics: Mapping[str, Any], metric: str, colour: int) -> Mark | None:
    """A metric with its interval; None where it is not known."""
    value = metrics.get(metric)
    return None if value is None else Mark(value, colour, metrics.get(f"{metric}_interval_95", ()))


def rows_chart(rows: Mapping[str, Sequence[Mark]], title: str) -> Markup:
    """One row a name, in it a mark below the other: a dot, its interval as a line, dots of its parts."""
    most = max((len(marks) for marks in rows.values()), default=1)
    height = ROW if most < 2 else round(ROW * (1 + most) / 2)
    shown = [v for marks in rows.values() for m in marks for v in (m.value, *m.ends, *m.parts)]
    low, high = min(shown, default=0.0), max(shown, default=1.0)
    edges = (float(np.floor(low * 20) / 20), float(np.ceil(high * 20) / 20 + 1e-9))
    plot = Plot(560, 48 + height * len(rows), edges, (0.5 - len(rows), 0.5), left=190)
    parts = [
        *y_labels(plot, [(-row, name.replace("_", " ")) for row, name in enumerate(rows)]),
        *x_labels(plot, [(float(x), f"{x:.3g}") for x in np.linspace(*edges, 6)]),
    ]
    for row, (name, marks) in enumerate(rows.items()):
        for place, mark in enumerate(marks):
            parts += _marked(plot, mark, (len(marks) / 2 - place - 0.5) * ROW_SHARE / len(marks) - row, name)
    return figure(plot, title, parts, "chart wide")


def _marked(plot: Plot, mark: Mark, y: float, name: str) -> list[str]:
    colour = f"k{mark.colour}"
    span = _line(plot, [[end, y] for end in mark.ends], f"line {colour}") if mark.ends else ""
    parts = [dot(plot, (value, y), f"dot {colour} part", radius=2.0) for value in mark.parts]
    return [
        span,
        *parts,
        dot(plot, (mark.value, y), f"dot {colour}", f"{name}: {mark.value:.4g}", radius=4.0),
    ]


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
