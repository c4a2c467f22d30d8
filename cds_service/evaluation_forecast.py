"""The parts of an evaluation's page that belong to the forecast, on people in a file and by GlucoBench.

Beside `evaluation_views`, which names them for the page; shapes are those of `evaluation_charts`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from cds_service.evaluation_charts import (
    COLOURS,
    SQUARE,
    TENTHS,
    Mark,
    View,
    comparison_chart,
    rows_chart,
)
from cds_service.smart_app.charts.plot import Array, Plot, dot, figure, line, rule_at_y, x_labels, y_labels

SHOWN_MIN: Final = ("30", "60", "120")
SIDES: Final = {"id": "people learned from, later days", "ood": "people not learned from"}
STATED_COVERAGE: Final = 0.9

GROUP_COLUMNS: Final = (
    "Subgroup",
    "Questions",
    "RMSE, mg/dL",
    "Coverage of the 90 % interval",
    "Width of it, mg/dL",
)


ByHorizon = Mapping[str, Mapping[str, Any]]


def forecast_views(found: Mapping[str, Any]) -> Iterator[View]:
    """Errors, coverage and quantiles by horizon, algorithms compared, the served model by subgroup."""
    details, names = found["details"], tuple(found["details"])
    yield View(
        "Error by horizon",
        names,
        (
            (
                horizon_chart(details, "rmse", "RMSE by horizon"),
                "RMSE in mg/dL (up) by minutes ahead (across)",
            ),
        ),
        _interval_table(details, "rmse"),
        "Bars, and what stands in brackets, are 95 % intervals over people drawn again.",
    )
    yield View(
        "Coverage of the 90 % interval",
        names,
        tuple(
            (horizon_chart(details, metric, f"Coverage, {whose}", STATED_COVERAGE), f"Share held, {whose}")
            for metric, whose in (
                ("coverage_90", "all people"),
                ("coverage_90_worst_decile", "the tenth of people held least"),
            )
        ),
        note="The dashed line is what is stated.",
    )
    yield _quantiles(found["quantiles"])
    yield _algorithms(details, "Algorithms compared", "on everybody in the file")
    learned = found.get("challengers_on_people_left_out")
    if learned:
        yield _algorithms(
            learned, "Algorithms that learned from four fifths of these people", "on the fifth left out"
        )
    for horizon, groups in found["subgroups"].items():
        if horizon in SHOWN_MIN:
            yield View(f"The served model by subgroup, {horizon} minutes ahead", (), (), _group_table(groups))


def horizon_chart(
    details: Mapping[str, ByHorizon], metric: str, title: str, stated: float | None = None
) -> Markup:
    """A line a model over the minutes ahead, with the 95 % interval as a bar at each horizon.

    With `stated`, a share that the lines should keep to, the axis ends at 1.
    """
    shown = [
        end
        for by in details.values()
        for m in by.values()
        for end in (m[metric], *m[f"{metric}_interval_95"])
        if end is not None
    ]
    most = max(int(horizon) for by in details.values() for horizon in by)
    plot = Plot(560, SQUARE, (0.0, most + 5.0), _axis(shown, stated))
    ticks = np.linspace(*plot.y, 6) if stated is None else np.arange(plot.y[0], 1.05, 0.1)
    parts = [*y_labels(plot, [(float(y), f"{y:.3g}") for y in ticks])]
    parts += x_labels(plot, [(float(h), h) for h in next(iter(details.values()))])
    if stated is not None:
        parts.append(rule_at_y(plot, stated, "diagonal"))
    for index, (name, by) in enumerate(details.items()):
        parts += _model(plot, by, metric, f"k{index % COLOURS}", name)
    return figure(plot, title, parts, "chart wide")


def _axis(shown: Sequence[float], stated: float | None) -> tuple[float, float]:
    if stated is None:
        return 0.0, float(np.ceil(max(shown, default=10.0) / 10) * 10)
    return float(np.floor(min((*shown, stated)) * 10 - 1e-9) / 10), 1.0


def _model(plot: Plot, by: ByHorizon, metric: str, colour: str, name: str) -> list[str]:
    known = {float(h): m for h, m in by.items() if m[metric] is not None}
    middle = np.array([m[metric] for m in known.values()], np.float64)
    parts = [line(plot, np.array(list(known)), middle, f"line {colour}")] if known else []
    for minutes, metrics in known.items():
        ends = np.array(metrics[f"{metric}_interval_95"], np.float64)
        parts.append(line(plot, np.full(2, minutes), ends, f"line {colour} bar"))
        told = f"{name}, {minutes:g} minutes: {metrics[metric]:g}"
        parts.append(dot(plot, (minutes, metrics[metric]), f"dot {colour}", told))
    return parts


def _quantiles(quantiles: Mapping[str, Sequence[Sequence[float]]]) -> View:
    known = {horizon: quantiles[horizon] for horizon in SHOWN_MIN if quantiles.get(horizon)}
    key = tuple(f"{horizon} minutes ahead" for horizon in known)
    caption = (
        "Share of readings not above the quantile (up) against its level (across); the diagonal is right"
    )
    chart = quantile_chart(known, "Calibration of quantiles")
    head = ("Minutes ahead", *(f"{level:g}" for level, _ in next(iter(known.values()), ())))
    rows = ((horizon, *(f"{share:.3f}" for _, share in quantiles[horizon])) for horizon in quantiles)
    return View("Calibration of the served quantiles", key, ((chart, caption),), (head, *rows))


def quantile_chart(quantiles: Mapping[str, Sequence[Sequence[float]]], title: str) -> Markup:
    """Observed share against stated level, a line a horizon."""
    plot = Plot(SQUARE, SQUARE, (0.0, 1.0), (0.0, 1.0))
    ticks = [(share, f"{share:g}") for share in TENTHS]
    ends: Array = np.array([0.0, 1.0])
    parts = [line(plot, ends, ends, "diagonal"), *x_labels(plot, ticks), *y_labels(plot, ticks)]
    for index, pairs in enumerate(quantiles.values()):
        level, share = np.array(pairs, np.float64).T
        parts.append(line(plot, level, share, f"line k{index % COLOURS}"))
        parts += [dot(plot, (x, y), f"dot k{index % COLOURS}", f"{x:g}: {y:.3f}") for x, y in pairs]
    return figure(plot, title, parts, "chart")


def _algorithms(details: Mapping[str, ByHorizon], title: str, whose: str) -> View:
    charts = tuple(
        (
            comparison_chart(
                {name: by[horizon] for name, by in details.items()},
                "rmse",
                f"RMSE, {horizon} minutes, {whose}",
            ),
            f"RMSE {horizon} minutes ahead, mg/dL, {whose}, with 95 % interval",
        )
        for horizon in SHOWN_MIN
    )
    return View(title, tuple(details), charts)


def _interval_table(details: Mapping[str, ByHorizon], metric: str) -> tuple[tuple[str, ...], ...]:
    horizons = tuple(next(iter(details.values())))
    head = ("Model", *(f"{horizon} min" for horizon in horizons))
    rows = (
        (name.replace("_", " "), *(_with_interval(by[h], metric) for h in horizons))
        for name, by in details.items()
    )
    return (head, *rows)


def _with_interval(metrics: Mapping[str, Any], metric: str, digits: int = 1) -> str:
    if metrics[metric] is None:
        return "-"
    low, high = metrics[f"{metric}_interval_95"]
    return f"{metrics[metric]:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _group_table(groups: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    rows = (
        (
            name,
            str(metrics["windows"]),
            _with_interval(metrics, "rmse"),
            _with_interval(metrics, "coverage_90", 3),
            f"{metrics['width_mgdl']:.0f}",
        )
        for name, metrics in groups.items()
    )
    return (GROUP_COLUMNS, *rows)


def benchmark_views(found: Mapping[str, Any]) -> Iterator[View]:
    """The error of each model by the protocol, on people learned from and not, with every seed."""
    caption = (
        f"Median RMSE of {found['dataset']} in mg/dL: large dots are the table's numbers over "
        f"{found['seeds']} seeds, small dots one seed each"
    )
    chart = benchmark_chart(found["models"], found["median_rmse_by_seed"], "Median RMSE by model")
    yield View("Models compared by the protocol", tuple(SIDES.values()), ((chart, caption),))


def benchmark_chart(
    models: Mapping[str, Mapping[str, Mapping[str, float]]],
    by_seed: Mapping[str, Mapping[str, Sequence[float]]],
    title: str,
) -> Markup:
    """One row a model: both sides as large dots, their seeds as small ones upon a line from end to end."""
    rows = {
        name: [
            Mark(sides[side]["median_rmse"], place, _span(by_seed[name][side]), by_seed[name][side])
            for place, side in enumerate(SIDES)
        ]
        for name, sides in models.items()
    }
    return rows_chart(rows, title)


def _span(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)
