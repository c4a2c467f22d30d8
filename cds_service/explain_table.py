"""The integrator's table on a terminal: one row per resource type and code, then what nobody here knows.

Used by the command `explain`; the numbers come from `fhir_mappers.explain`.
"""

from typing import Any

from rich.markup import escape
from rich.table import Table

from cds_service.cli_output import table_console


def print_table(found: dict[str, Any]) -> None:
    """Print what arrived, what was used, what was dropped and why."""
    console = table_console()
    table = Table(title=f"Patient {found['patient']}")
    for name in ("Type", "Code", "Name", "Arrived", "Used", "Not read", "Dropped"):
        table.add_column(name, overflow="fold")
    for line in found["arrived"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in line["dropped"].items())
        counts = (str(line[name]) for name in ("arrived", "used", "not_read"))
        table.add_row(
            line["type"], escape(line["code"]), escape(line["name"]), *counts, escape(reasons) or "-"
        )
    console.print(table)
    for code, count in found["unknown_codes"].items():
        console.print(f"Unknown code, {count} resources: {code}", markup=False)
    for warning in found["warnings"]:
        console.print(f"Note: {warning}", markup=False)
