"""An evaluation as a folder: the metrics as JSON, and one page with tables and charts to open in a browser.

Used by `wearable-cds evaluate --report`. The page loads nothing and needs no plotting library.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from cds_service.evaluation_charts import (
    COLOURS,
    calibration_chart,
    comparison_chart,
    loss_chart,
    roc_chart,
)
from cds_service.evaluation_table import rows_of
from cds_service.evaluation_views import views_of
from models.training.results import RESULTS

RISK_COLUMNS: Final = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "sensitivity_at_90_specificity": "Sensitivity at 90 % specificity",
    "sensitivity_at_95_specificity": "at 95 %",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "ece": "Calibration error",
    "ece_of_right_probabilities": "by chance up to",
    "calibration_slope": "Calibration slope",
    "false_alarms_per_day_at_70": "False alarms a day at 70 % of episodes",
    "false_alarms_per_day_at_80": "at 80 %",
    "false_alarms_per_day_at_90": "at 90 %",
    "lead_time_min_at_80": "Lead time at 80 %, min",
}
INTERVALS: Final = ("auroc", "auprc")


@dataclass(frozen=True, slots=True)
class Section:
    """One question of an evaluation: title, metrics by model, charts, and the served model by subgroup."""

    title: str
    models: Mapping[str, Mapping[str, Any]]
    charts: tuple[Markup, ...]
    subgroups: Mapping[str, Mapping[str, Any]]


def write_report(found: Mapping[str, Any], folder: Path) -> Path:
    """Writes page and metrics into the folder, which is made; returns the page. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    metrics = msgspec.json.format(msgspec.json.encode(found), indent=1)
    (folder / f"{found['task']}.json").write_bytes(metrics)
    page = folder / f"{found['task']}.html"
    page.write_text(page_of(found), encoding="utf-8")
    return page


def page_of(found: Mapping[str, Any]) -> str:
    """The page as HTML."""
    source = (files("cds_service") / "evaluation_report.html.j2").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(source)
    return template.render(
        found=found,
        sections=list(_sections(found)),
        rows=list(rows_of(found["models"])),
        views=list(views_of(found)),
        known_columns=known_columns,
        intervals=INTERVALS,
        colours=COLOURS,
        trained=_trained(found["task"]),
    )


def known_columns(models: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The columns of a table of models in which one of them has a number, with their headings."""
    return {
        column: heading
        for column, heading in RISK_COLUMNS.items()
        if any(metrics.get(column) is not None for metrics in models.values())
    }


def _sections(found: Mapping[str, Any]) -> Iterator[Section]:
    for question, curves in found.get("curves", {}).items():
        title = f"Within {question} minutes" if question.isdecimal() else "Midnight to 06:00, asked at 23:00"
        models = {name: by.get(question, by) for name, by in found["details"].items()}
        charts = (
            roc_chart(curves, f"ROC, {title}"),
            calibration_chart(curves, f"Calibration, {title}"),
            *(comparison_chart(models, m, f"{RISK_COLUMNS[m]}, {title}") for m in INTERVALS),
        )
        yield Section(title, models, charts, found.get("subgroups", {}).get(question, {}))


def _trained(task: str) -> list[Mapping[str, Any]]:
    """What training recorded on people left out, with a chart of the loss where one is known."""
    return [
        {**kept, "chart": loss_chart(kept["loss"], f"Training loss, {kept['title']}") if kept["loss"] else ""}
        for kept in RESULTS
        if kept["task"] == task
    ]
