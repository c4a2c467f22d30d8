"""Metrics on a terminal: one row a model and horizon.

Used by `wearable-cds evaluate` where no JSON is asked for.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from cds_service.cli_output import table_console


def print_evaluation(found: Mapping[str, Any]) -> None:
    """Print the metrics of every model of an evaluation."""
    counts = ", ".join(f"{found[name]} {name}" for name in ("people", "windows") if name in found)
    table = Table(title=f"{found['task']}: {counts}")
    rows = list(rows_of(found["models"]))
    columns = list(dict.fromkeys(name for _, metrics in rows for name in metrics))
    table.add_column("model", overflow="fold")
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right", overflow="fold")
    for label, metrics in rows:
        table.add_row(label, *(_shown(metrics.get(name)) for name in columns))
    table_console().print(table)


def rows_of(models: Mapping[str, Any], label: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The innermost mappings of an evaluation's models, each with the names that lead to it."""
    for name, inner in models.items():
        here = f"{label} {name}".strip()
        if inner and all(isinstance(value, Mapping) for value in inner.values()):
            yield from rows_of(inner, here)
        else:
            yield here, inner


def _shown(value: object) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
