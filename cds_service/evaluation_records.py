"""All algorithms of a task at all horizons in one picture, from what training recorded on people left out.

Beside `evaluation_views`; the records themselves stand in `models.training.results`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from cds_service.evaluation_charts import Mark, View, mark_of, rows_chart
from models.training.results import RESULTS

Record = Mapping[str, Any]

COMPARED: Final = {"auroc": "AUROC", "auprc": "AUPRC"}
CAPTION: Final = (
    "{} of every algorithm on people that it had not learned from, with 95 % interval over people"
)


def record_views(found: Mapping[str, Any]) -> Iterator[View]:
    """One view where training recorded the task; the best algorithm by AUROC stands on top."""
    records = [kept for kept in RESULTS if kept["task"] == found["task"]]
    if records:
        served = found.get("served")
        charts = tuple(
            (algorithms_chart(records, metric, served), CAPTION.format(name))
            for metric, name in COMPARED.items()
        )
        titles = tuple(kept["title"] for kept in records)
        yield View("All algorithms compared, as recorded in training", titles, charts)


def algorithms_chart(records: Sequence[Record], metric: str, served: str | None) -> Markup:
    """One row an algorithm, in it a mark for each record that knows it, in the record's colour."""
    rows = {name: _marks(records, name, metric) for name in _best_first(records)}
    labelled = {f"{name}, served" if name == served else name: marks for name, marks in rows.items()}
    return rows_chart(labelled, f"{COMPARED[metric]} of all algorithms")


def _marks(records: Sequence[Record], name: str, metric: str) -> list[Mark]:
    marks = (mark_of(kept["models"].get(name, {}), metric, place) for place, kept in enumerate(records))
    return [mark for mark in marks if mark is not None]


def _best_first(records: Sequence[Record]) -> list[str]:
    """Every algorithm once, by the mean of its AUROCs, highest first."""
    names = dict.fromkeys(name for kept in records for name in kept["models"])
    known = {name: [mark.value for mark in _marks(records, name, "auroc")] for name in names}
    return sorted(names, key=lambda name: -sum(known[name]) / max(1, len(known[name])))
