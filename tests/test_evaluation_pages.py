"""The charts of an evaluation's page, read back: every point stands where its number says, by the chart's axis."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from cds_service import evaluation_records
from cds_service.evaluation_charts import Mark, comparison_chart, rows_chart
from cds_service.evaluation_forecast import benchmark_chart, forecast_views, horizon_chart, quantile_chart
from cds_service.evaluation_records import algorithms_chart, record_views
from cds_service.evaluation_report import page_of
from models.training.cgm_people import Person
from models.training.forecast_evaluation import evaluate_forecast
from models.training.results import RESULTS


class Drawn:
    """A chart, read back: its axes from the tick labels, its points and lines in the values of these."""

    def __init__(self, svg):
        self.root = ElementTree.fromstring(str(svg))
        self.x = self._scale("tick middle", "x")
        self.y = self._scale("tick end", "y", lower=4)

    def _scale(self, name, axis, lower=0.0):
        """Pixel to value, from the ticks at both ends; None where the labels are words."""
        ticks = [one for one in self.root.iter("text") if one.get("class") == name]
        try:
            known = [(float(one.get(axis)) - lower, float(one.text)) for one in ticks]
        except ValueError:
            return None
        (start, low), (end, high) = known[0], known[-1]
        return lambda pixel: low + (pixel - start) * (high - low) / (end - start)

    def rows(self):
        """Pixel from the top of each row's label."""
        return {t.text: float(t.get("y")) - 4 for t in self.root.iter("text") if t.get("class") == "tick end"}

    def dots(self, *classes):
        """Centres of the dots with all these classes, x always as a value, y where the axis has numbers."""
        found = [c for c in self.root.iter("circle") if {*classes} <= set(c.get("class").split())]
        y = self.y or (lambda pixel: pixel)
        return [(self.x(float(c.get("cx"))), y(float(c.get("cy")))) for c in found]

    def lines(self, name):
        """Ends of the lines of a class, in values."""
        paths = [p.get("d") for p in self.root.iter("path") if p.get("class") == name]
        pairs = [re.findall(r"([-\d.]+) ([-\d.]+)", path) for path in paths]
        y = self.y or (lambda pixel: pixel)
        return [[(self.x(float(a)), y(float(b))) for a, b in points] for points in pairs]


def metrics(value, low, high, **more):
    return {"rmse": value, "rmse_interval_95": [low, high], **more}


DETAILS = {
    "served": {"30": metrics(20.0, 18.5, 22.0), "60": metrics(34.0, 30.0, 37.5)},
    "other_one": {"30": metrics(26.0, 24.0, 29.0), "60": metrics(None, None, None)},
}


def test_the_error_of_each_model_stands_at_its_minutes_and_its_interval_is_a_bar_there():
    chart = Drawn(horizon_chart(DETAILS, "rmse", "RMSE"))
    assert chart.dots("k0") == [pytest.approx((30, 20), abs=0.2), pytest.approx((60, 34), abs=0.2)]
    assert chart.dots("k1") == [pytest.approx((30, 26), abs=0.2)]
    bars = chart.lines("line k0 bar")
    assert bars[0] == [pytest.approx((30, 18.5), abs=0.2), pytest.approx((30, 22), abs=0.2)]
    assert bars[1] == [pytest.approx((60, 30), abs=0.2), pytest.approx((60, 37.5), abs=0.2)]


def test_coverage_is_drawn_against_what_is_stated_on_an_axis_that_ends_at_one():
    hour = {"coverage_90": 0.88, "coverage_90_interval_95": [0.83, 0.91]}
    coverage = {"served": {"30": {"coverage_90": None, "coverage_90_interval_95": [None, None]}, "60": hour}}
    svg = horizon_chart(coverage, "coverage_90", "Coverage", 0.9)
    chart = Drawn(svg)
    assert chart.dots("k0") == [pytest.approx((60, 0.88), abs=2e-3)]
    ((rule,),) = [re.findall(r"M[\d.]+ ([\d.]+)H", str(svg))]
    assert chart.y(float(rule)) == pytest.approx(0.9, abs=1e-3)
    assert {"0.8", "1"} <= {text.text for text in chart.root.iter("text")}


def test_each_quantile_stands_at_its_level_and_the_share_that_was_below_it():
    pairs = {"30": [[0.05, 0.04], [0.5, 0.47], [0.95, 0.96]], "60": [[0.05, 0.1], [0.5, 0.6], [0.95, 0.9]]}
    chart = Drawn(quantile_chart(pairs, "Quantiles"))
    for place, points in enumerate(pairs.values()):
        assert chart.dots(f"k{place}") == [pytest.approx(tuple(point), abs=2e-3) for point in points]
    assert chart.lines("diagonal") == [[pytest.approx((0, 0), abs=1e-3), pytest.approx((1, 1), abs=1e-3)]]


def test_algorithms_stand_in_rows_with_their_interval_and_one_without_a_number_keeps_its_row():
    found = {name: by["60"] for name, by in DETAILS.items()}
    chart = Drawn(comparison_chart(found, "rmse", "RMSE, 60 minutes"))
    assert list(chart.rows()) == ["served", "other one"]
    assert chart.dots("dot") == [pytest.approx((34, chart.rows()["served"]), abs=0.11)]
    (span,) = chart.lines("line k0")
    assert [x for x, _ in span] == pytest.approx([30, 37.5], abs=0.11)


def test_marks_of_one_row_stand_below_each_other_around_its_label():
    chart = Drawn(rows_chart({"a": [Mark(1.0, 0), Mark(2.0, 1), Mark(3.0, 2)], "b": [Mark(1.5, 1)]}, "Rows"))
    label = chart.rows()
    heights = [chart.dots(f"k{colour}")[0][1] for colour in range(3)]
    assert heights == sorted(heights)
    assert heights[1] == pytest.approx(label["a"], abs=0.2)
    assert heights[2] < chart.dots("k1")[1][1] == pytest.approx(label["b"], abs=0.2)


def test_both_sides_of_a_benchmark_stand_beside_each_other_with_every_seed():
    models = {"linear": {"id": {"median_rmse": 9.1}, "ood": {"median_rmse": 10.4}}}
    seeds = {"linear": {"id": [8.9, 9.1, 9.3], "ood": [10.0, 10.9]}}
    chart = Drawn(benchmark_chart(models, seeds, "Median RMSE"))
    for colour, side in (("k0", "id"), ("k1", "ood")):
        parts = [x for x, _ in chart.dots(colour, "part")]
        assert parts == pytest.approx(seeds["linear"][side], abs=0.02)
        (span,) = chart.lines(f"line {colour}")
        assert [x for x, _ in span] == pytest.approx([min(parts), max(parts)], abs=0.02)
        every = {round(x, 1) for x, _ in chart.dots(colour)}
        assert models["linear"][side]["median_rmse"] in every


def record(title, **models):
    return {"task": "made", "title": title, "models": models}


RECORDS = (
    record("soon", good={"auroc": 0.95, "auroc_interval_95": [0.94, 0.96]}, plain={"auroc": 0.8}),
    record("later", good={"auroc": 0.9, "auroc_interval_95": [0.88, 0.91]}, silent={"auroc": None}),
)


def test_every_algorithm_of_every_record_has_a_mark_in_the_colour_of_the_record_best_on_top():
    chart = Drawn(algorithms_chart(RECORDS, "auroc", "good"))
    assert list(chart.rows()) == ["good, served", "plain", "silent"]
    assert [x for x, _ in chart.dots("k0")] == pytest.approx([0.95, 0.8], abs=1e-3)
    assert [x for x, _ in chart.dots("k1")] == pytest.approx([0.9], abs=1e-3)
    assert [[x for x, _ in span] for span in chart.lines("line k1")] == [
        pytest.approx([0.88, 0.91], abs=1e-3)
    ]


def test_a_task_that_training_recorded_has_one_view_of_all_its_algorithms_and_another_none(monkeypatch):
    monkeypatch.setattr(evaluation_records, "RESULTS", RECORDS)
    (view,) = record_views({"task": "made", "served": "good"})
    assert view.key == ("soon", "later")
    assert len(view.charts) == 2
    assert not list(record_views({"task": "another", "served": "good"}))


@pytest.mark.parametrize("task", sorted({kept["task"] for kept in RESULTS}))
@pytest.mark.parametrize("metric", ["auroc", "auprc"])
def test_the_committed_records_are_drawn_whole(task, metric):
    records = [kept for kept in RESULTS if kept["task"] == task]
    chart = Drawn(algorithms_chart(records, metric, "additive"))
    for place, kept in enumerate(records):
        drawn = sorted(x for x, _ in chart.dots(f"k{place}"))
        assert drawn == pytest.approx(sorted(m[metric] for m in kept["models"].values()), abs=2e-3)


def made(seed):
    slots = np.arange(4 * 288)
    glucose = 140 + 80 * np.sin(slots / (23 + seed)) + np.random.default_rng(seed).normal(0, 4, slots.size)
    return Person(f"set{seed}/one", 400_000 + seed, np.clip(glucose, 45, 380).round())


@pytest.fixture(scope="module")
def found():
    return evaluate_forecast([made(0), made(1)], False, lambda _: None)


def test_the_page_of_the_forecast_draws_what_its_json_states(found):
    views = {view.title: view for view in forecast_views(found)}
    ((chart, _),) = views["Error by horizon"].charts
    drawn = Drawn(chart)
    for place, by in enumerate(found["details"].values()):
        wanted = [(float(h), m["rmse"]) for h, m in by.items()]
        assert drawn.dots(f"k{place}") == [pytest.approx(point, abs=0.5) for point in wanted]
    (all_people, _), (worst, _) = views["Coverage of the 90 % interval"].charts
    for chart, metric in ((all_people, "coverage_90"), (worst, "coverage_90_worst_decile")):
        served = [m[metric] for m in found["details"]["boosting"].values()]
        assert [y for _, y in Drawn(chart).dots("k0")] == pytest.approx(served, abs=5e-3)
    ((chart, _),) = views["Calibration of the served quantiles"].charts
    assert [y for _, y in Drawn(chart).dots("k1")] == pytest.approx(
        [s for _, s in found["quantiles"]["60"]], abs=3e-3
    )
    assert views["The served model by subgroup, 60 minutes ahead"].table[1][0] == "source set0"


def test_the_page_of_the_forecast_loads_nothing_and_has_no_unknown_numbers(found):
    page = page_of(found)
    assert page.count("<svg") == 1 + 2 + 1 + 3
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)
    assert "nan" not in page.lower() and "None" not in page


def test_rivals_that_learned_are_compared_on_people_left_out(found):
    errors = {"30": metrics(20, 18, 22), "60": metrics(30, 28, 33), "120": metrics(40, 36, 47)}
    page = page_of(
        found | {"challengers_on_people_left_out": {"network": errors, "boosting_refitted": errors}}
    )
    assert page.count("<svg") == 1 + 2 + 1 + 3 + 3
    assert "boosting refitted" in page


def test_people_whose_readings_nothing_follows_leave_an_empty_chart_and_no_error():
    short = np.full(37, 120.0) + np.arange(37) % 3
    told = evaluate_forecast([Person("a/b", 0, short)], False, lambda _: None)
    page = page_of(told)
    assert "nan" not in page.lower() and "None" not in page
    assert told["quantiles"]["120"] == []


def test_the_page_of_the_benchmark_draws_every_model_by_both_sides():
    sides = {"id": {"median_rmse": 8.2, "median_mae": 6.0}, "ood": {"median_rmse": 9.0, "median_mae": 6.6}}
    names = ("persistence", "ensemble")
    told = {
        "task": "glucobench",
        "dataset": "hall",
        "seeds": 2,
        "people": 57,
        "models": dict.fromkeys(names, sides),
        "median_rmse_by_seed": {name: {"id": [8.0, 8.4], "ood": [8.9, 9.1]} for name in names},
        "details": {},
    }
    page = page_of(told)
    assert page.count("<svg") == 1 and page.count("<circle") == 2 * 2 * 3
    assert "Median RMSE of hall in mg/dL" in page
