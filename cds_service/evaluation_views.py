"""The parts of an evaluation's page that belong to one task: groups on a map, alarms against what they find.

Beside `evaluation_report`, which puts them on the page; shapes are those of `evaluation_charts`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from cds_service.evaluation_charts import COLOURS, SQUARE, TENTHS
from cds_service.smart_app.charts.plot import (
    Array,
    Plot,
    Range,
    dot,
    figure,
    line,
    rule_at_y,
    x_labels,
    y_labels,
)

MAP: Final = (520, 420)
FALSE_A_DAY: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Ends of the axis of false alarms; one a day is the most there can be."""


@dataclass(frozen=True, slots=True)
class View:
    """One heading with its charts: names in the order of their colours, charts with captions, a table."""

    title: str
    key: tuple[str, ...]
    charts: tuple[tuple[Markup, str], ...]
    table: tuple[tuple[str, ...], ...] = ()
    note: str = ""


def views_of(found: Mapping[str, Any]) -> Iterator[View]:
    """Those of the task; none where it has none."""
    if "alarm_curves" in found:
        yield from _alarms(found)
    if "map" in found:
        yield from _groups(found)


def _alarms(found: Mapping[str, Any]) -> Iterator[View]:
    names = tuple(found["alarm_curves"])
    charts = tuple(
        _alarm_chart(found, kind, names) for kind in found["events"] if kind not in found["not_asked"]
    )
    note = (
        "A line is a detector at all its thresholds, from left and below; the large dot is the limit in use."
    )
    yield View("Events found against false alarms", names, charts, note=note)
    if found["not_asked"]:
        rows = tuple((_words(kind), why) for kind, why in found["not_asked"].items())
        yield View("Not asked", (), (), (("Kind of event", "Why"), *rows))


def _alarm_chart(found: Mapping[str, Any], kind: str, names: Sequence[str]) -> tuple[Markup, str]:
    curves = {name: of[kind] for name, of in found["alarm_curves"].items() if kind in of}
    in_use = {name: found["models"][name][kind] for name in curves}
    title = f"{_words(kind)}, {found['events'][kind]} events"
    caption = f"{title}: share found (up), false alarms per patient-day (across)"
    return alarm_chart(curves, in_use, names, title), caption


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def alarm_chart(
    curves: Mapping[str, Sequence[Sequence[float]]],
    in_use: Mapping[str, Mapping[str, Any]],
    names: Sequence[str],
    title: str,
) -> Markup:
    """Sensitivity against false alarms a day, a line a detector; a dot is the limit in use."""
    used = {
        name: (metrics["false_alarms_per_day"], metrics["sensitivity"])
        for name, metrics in in_use.items()
        if metrics["assessed_share"]
    }
    most = max((pair[0] for pairs in (*curves.values(), used.values()) for pair in pairs), default=0.0)
    top = next(edge for edge in FALSE_A_DAY if edge >= most)
    plot = Plot(SQUARE, SQUARE, (0.0, top), (0.0, 1.0))
    parts = [*y_labels(plot, [(y, f"{y:g}") for y in TENTHS])]
    parts += x_labels(plot, [(share * top, f"{share * top:.2g}") for share in TENTHS])
    for name, pairs in curves.items():
        colour = f"k{names.index(name) % COLOURS}"
        if pairs:
            x, y = np.array(pairs, np.float64).T
            parts.append(line(plot, x, y, f"line {colour}"))
            parts += [dot(plot, (pair[0], pair[1]), f"dot {colour}", radius=1.5) for pair in pairs]
        if name in used:
            parts.append(dot(plot, used[name], f"dot {colour}", f"{name}, limit in use", radius=5.0))
    return figure(plot, title, parts, "chart")


def _groups(found: Mapping[str, Any]) -> Iterator[View]:
    stable = "Median agreement of clusterings from people drawn again (dot), and its lower bound at 95 %"
    yield View(
        "How stable groups are",
        (),
        ((stability_chart(found["models"], found["stable_from"], "Stability by number of groups"), stable),),
        note=f"Groups are shown from an adjusted Rand index of {found['stable_from']} on (lower bound).",
    )
    shown = found["map"]
    if shown is None:
        yield View("Map", (), (), note="No number of groups was stable, so that no map is drawn.")
        return
    share = " and ".join(f"{100 * part:.0f} %" for part in found["map_variance"][:2])
    names = tuple(name for name in found["phenotypes"] if name in shown["phenotype"])
    groups = tuple(f"group {number + 1}" for number in range(shown["clusters"]))
    yield View(
        "Map by named phenotype",
        names,
        ((map_chart(shown["position"], shown["phenotype"], names, "Map by phenotype"), _axes(share)),),
    )
    told = [groups[number] for number in shown["group"]]
    features = tuple(shown["profile"][0])
    rows = (
        (name, *(f"{of[f]:g}" for f in features)) for name, of in zip(groups, shown["profile"], strict=True)
    )
    yield View(
        f"Map by k-means, {shown['clusters']} groups",
        groups,
        ((map_chart(shown["position"], told, groups, "Map by group"), _axes(share)),),
        (("Mean of", *(feature.replace("_", " ") for feature in features)), *rows),
        f"Agreement with the named phenotypes: adjusted Rand index {shown['ari_with_phenotypes']:.2f}.",
    )


def _axes(share: str) -> str:
    return f"A dot a window of two weeks, on the first two principal axes ({share} of the variance)"


def map_chart(
    position: Sequence[Sequence[float]], of: Sequence[str], names: Sequence[str], title: str
) -> Markup:
    """A dot a window, in the colour of what it is named."""
    x, y = np.array(position, np.float64).T
    plot = Plot(*MAP, _around(x), _around(y))
    parts = [*x_labels(plot, _ticks(plot.x)), *y_labels(plot, _ticks(plot.y))]
    for at, name in zip(position, of, strict=True):
        parts.append(dot(plot, (at[0], at[1]), f"dot k{names.index(name) % COLOURS}", name))
    return figure(plot, title, parts, "chart wide")


def _around(values: Array) -> Range:
    return float(np.floor(values.min())), float(np.ceil(values.max() + 1e-9))


def _ticks(ends: Range) -> list[tuple[float, str]]:
    step = max(1.0, np.ceil((ends[1] - ends[0]) / 8))
    return [(float(value), f"{value:g}") for value in np.arange(ends[0], ends[1] + 1, step)]


def stability_chart(models: Mapping[str, Mapping[str, Any]], limit: float, title: str) -> Markup:
    """The agreement of each number of groups, against the limit from which it is shown."""
    plot = Plot(SQUARE, SQUARE, (-0.5, len(models) - 0.5), (0.0, 1.0))
    parts = [rule_at_y(plot, limit, "diagonal"), *y_labels(plot, [(y, f"{y:g}") for y in TENTHS])]
    parts += x_labels(plot, [(row, name.removeprefix("k-means ")) for row, name in enumerate(models)])
    known = [(row, found) for row, found in enumerate(models.values()) if found["ari"] is not None]
    for row, found in known:
        ends = np.array([found["ari_at_least"], found["ari"]])
        parts.append(line(plot, np.full(2, float(row)), ends, "line k1"))
        parts.append(dot(plot, (row, found["ari"]), "dot k1", f"{found['ari']:.2f}", radius=4.0))
    return figure(plot, title, parts, "chart")
