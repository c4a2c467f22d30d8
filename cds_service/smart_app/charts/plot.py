"""A drawing area with two linear scales, and the few shapes that all charts are made of.

The ground of `charts`. Shapes carry classes and no styles (the content policy forbids them); every text that
is not a number of ours is escaped.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

Array = NDArray[np.float64]
Range = tuple[float, float]

WIDE: Final = 760
NARROW: Final = 360
"""Widths in pixels: a chart is drawn for both, the style sheet shows the one whose text can be read."""


LETTER_PX: Final = 6.6
"""Width of a letter of a label, by the style sheet's font size; measured on the longest of them."""

BESIDE_LABEL_PX: Final = 12


@dataclass(frozen=True, slots=True)
class Plot:
    """An area of `width` by `height` pixels; `x` and `y` are the ranges that its inside shows."""

    width: int
    height: int
    x: Range
    y: Range
    left: int = 44
    right: int = 20
    top: int = 10
    bottom: int = 26

    def at_x(self, value: float) -> float:
        """Pixels from the left."""
        low, high = self.x
        return self.left + (value - low) / (high - low) * (self.width - self.left - self.right)

    def at_y(self, value: float) -> float:
        """Pixels from the top; what is beyond the range is drawn on its edge."""
        low, high = self.y
        inside = min(max(value, low), high)
        return (
            self.height - self.bottom - (inside - low) / (high - low) * (self.height - self.top - self.bottom)
        )

    def points(self, x: Array, y: Array) -> list[tuple[float, float]]:
        """Pixels of points, float64[n] each."""
        return [(self.at_x(a), self.at_y(b)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]


def figure(plot: Plot, label: str, parts: Iterable[str], name: str, stretched: bool = False) -> Markup:
    """The whole chart; `label` is what a screen reader says of it. One without words may be stretched."""
    inside = "".join(parts)
    box, said = f"0 0 {plot.width} {plot.height}", escape(label)
    manner = ' preserveAspectRatio="none"' if stretched else ""
    return Markup(
        f'<svg class="{name}" viewBox="{box}" role="img" aria-label="{said}"{manner}>{inside}</svg>'
    )


def line(plot: Plot, x: Array, y: Array, name: str) -> str:
    """A line through points, broken where a value is not known."""
    return (
        f'<path class="{name}" d="{"".join(_path(plot.points(x[run], y[run])) for run in known_runs(y))}"/>'
    )


def band(plot: Plot, x: Array, low: Array, high: Array, name: str) -> str:
    """The area between two lines, broken where one is not known."""
    shapes = []
    for run in known_runs(low + high):
        there = plot.points(x[run], high[run])
        back = plot.points(x[run][::-1], low[run][::-1])
        shapes.append(f"{_path([*there, *back])}Z")
    return f'<path class="{name}" d="{"".join(shapes)}"/>'


def known_runs(value: Array) -> list[slice]:
    """Stretches of two or more known values."""
    known = np.concatenate(([False], ~np.isnan(value), [False]))
    edges = np.flatnonzero(known[1:] != known[:-1])
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a > 1]


def rectangle(plot: Plot, x: Range, y: Range, name: str, title: str = "") -> str:
    """An area given in values; `title` shows where a pointer rests."""
    left, right = sorted((plot.at_x(x[0]), plot.at_x(x[1])))
    top, bottom = sorted((plot.at_y(y[0]), plot.at_y(y[1])))
    inside = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect class="{name}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
        f'height="{bottom - top:.1f}">{inside}</rect>'
    )


def dot(plot: Plot, at: tuple[float, float], name: str, title: str = "", radius: float = 3.0) -> str:
    """A point given in values."""
    inside = f"<title>{escape(title)}</title>" if title else ""
    x, y = plot.at_x(at[0]), plot.at_y(at[1])
    return f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}">{inside}</circle>'


def rule_at_y(plot: Plot, value: float, name: str) -> str:
    """A horizontal line across the inside."""
    y = plot.at_y(value)
    return f'<path class="{name}" d="M{plot.left} {y:.1f}H{plot.width - plot.right}"/>'


def rule_at_x(plot: Plot, value: float, name: str) -> str:
    """A vertical line across the inside."""
    x = plot.at_x(value)
    return f'<path class="{name}" d="M{x:.1f} {plot.top}V{plot.height - plot.bottom}"/>'


def y_labels(plot: Plot, ticks: Sequence[tuple[float, str]], name: str = "tick") -> list[str]:
    """Numbers to the left of the inside."""
    return [text(plot.left - 6, plot.at_y(value) + 4, words, f"{name} end") for value, words in ticks]


def x_labels(plot: Plot, ticks: Sequence[tuple[float, str]]) -> list[str]:
    """Words under the inside."""
    y = plot.height - plot.bottom + 16
    return [text(plot.at_x(value), y, words, "tick middle") for value, words in ticks]


def label_px(labels: Iterable[str]) -> int:
    """Room that the longest label needs at the left of a chart."""
    return BESIDE_LABEL_PX + max((round(LETTER_PX * len(label)) for label in labels), default=0)


def text(x: float, y: float, words: str, name: str) -> str:
    """Words at a pixel."""
    return f'<text class="{name}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
