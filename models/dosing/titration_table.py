"""Published titration tables as records, and the row that a fasting glucose reaches.

The tables are data (`titration_tables.yaml`); the care organisation chooses one by id, and
`models.dosing.basal_titration` computes from it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec

from models.dosing.dose_format import step_text
from models.units import to_mgdl, to_mmoll

Statistic = Literal["mean", "lowest"]

DEFAULT_TABLE: Final = "ada-basal"

_EDGE_SLACK_MGDL: Final = 1e-6
"""A value converted to mmol/L and back differs in the last binary digits; it stays on its edge."""


class UnknownTable(ValueError):
    """No titration table has this id."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A glucose as a table prints it, in both units; the two differ by rounding."""

    mgdl: float
    mmoll: float

    def reached_by(self, value_mgdl: float) -> bool:
        """At or above the edge in either of its units."""
        return value_mgdl >= min(self.mgdl, to_mgdl(self.mmoll, "mmol/L")) - _EDGE_SLACK_MGDL

    def exceeded_by(self, value_mgdl: float) -> bool:
        """Above the edge in both of its units."""
        return value_mgdl > max(self.mgdl, to_mgdl(self.mmoll, "mmol/L")) + _EDGE_SLACK_MGDL

    def crossed_by_rounding(self, value_mgdl: float, includes: bool) -> bool:
        """Whether whole mg/dL or one decimal of mmol/L would show the value on the other side of the edge."""
        inside = self.reached_by(value_mgdl) if includes else self.exceeded_by(value_mgdl)
        shown = ((round(value_mgdl), self.mgdl), (round(to_mmoll(value_mgdl), 1), self.mmoll))
        return any((value >= edge if includes else value > edge) != inside for value, edge in shown)

    def __str__(self) -> str:
        return f"{self.mgdl:.0f} mg/dL ({self.mmoll:.1f} mmol/L)"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: from (or above) its edge the dose changes by `step_u`. Without an edge it takes the rest."""

    edge: Edge | None
    includes_edge: bool
    step_u: float

    def takes(self, value_mgdl: float) -> bool:
        """Whether the value is in this row, given that no earlier row took it."""
        if self.edge is None:
            return True
        return self.edge.reached_by(value_mgdl) if self.includes_edge else self.edge.exceeded_by(value_mgdl)


@dataclass(frozen=True, slots=True)
class LowRule:
    """If any glucose of the last `days` lies below `edge`: `step_u`, where 0 means only no increase."""

    edge: Edge
    days: float
    step_u: float


@dataclass(frozen=True, slots=True)
class StartRule:
    """The published start: the lower of the two, `cautious` for age 70 or eGFR below 60."""

    units: float
    units_per_kg: float
    cautious_units_per_kg: float


@dataclass(frozen=True, slots=True)
class TitrationTable:
    """One published rule: how often, on which fasting values, and the rows from high to low glucose.

    `statistic` of the last `fasting_values` is what the rows are for. Without `start` nothing is started.
    """

    id: str
    version: str
    title: str
    source: str
    cadence_days: float
    fasting_values: int
    statistic: Statistic
    goal: tuple[Edge, Edge]
    rows: tuple[Row, ...]
    start: StartRule | None = None
    no_increase: LowRule | None = None
    reduce: LowRule | None = None

    @property
    def weekly(self) -> bool:
        """Whether it is meant for one change a week; only such a table may take a weekly step."""
        return self.cadence_days >= 7

    def fasting_mgdl(self, values_mgdl: Sequence[float]) -> float:
        """The statistic of the fasting values that the rows are for."""
        if self.statistic == "lowest":
            return min(values_mgdl)
        return round(math.fsum(values_mgdl) / len(values_mgdl), 1)

    def row_for(self, fasting_mgdl: float) -> Row:
        """The first row that takes the value; the last takes everything."""
        return next(row for row in self.rows if row.takes(fasting_mgdl))

    def row_text(self, row: Row) -> str:
        """The row in words: `from 120 mg/dL (6.7 mmol/L) to below 140 mg/dL (7.8 mmol/L): +4 units`."""
        position = self.rows.index(row)
        above = self.rows[position - 1] if position else None
        lower = f"{'from' if row.includes_edge else 'above'} {row.edge}" if row.edge else ""
        upper = f"{'below' if above.includes_edge else 'at most'} {above.edge}" if above else ""
        return f"{' to '.join(part for part in (lower, upper) if part)}: {step_text(row.step_u)}"

    def rounds_over_edge(self, value_mgdl: float) -> bool:
        """Whether the value in whole mg/dL or to 0.1 mmol/L would read as on the wrong side of an edge."""
        low, high = self.goal
        rows = [(row.edge, row.includes_edge) for row in self.rows if row.edge]
        edges = [(low, True), (high, False), *rows]
        return any(edge.crossed_by_rounding(value_mgdl, includes) for edge, includes in edges)


def goal_text(goal: tuple[Edge, Edge]) -> str:
    """A fasting goal in both units."""
    return f"{goal[0]} to {goal[1]}"


def find_table(table_id: str) -> TitrationTable:
    """The table with this id. UnknownTable names the ids there are."""
    try:
        return TABLES[table_id]
    except KeyError:
        raise UnknownTable(
            f"no titration table {table_id!r}; there are {', '.join(sorted(TABLES))}"
        ) from None


def _read_table(table: Mapping[str, Any]) -> TitrationTable:
    goal, start = table["goal"], table.get("start")
    return TitrationTable(
        id=table["id"],
        version=table["version"],
        title=table["title"],
        source=table["source"],
        cadence_days=table["cadence_days"],
        fasting_values=table["fasting_values"],
        statistic=table["statistic"],
        goal=(Edge(goal["from_mgdl"], goal["from_mmoll"]), Edge(goal["to_mgdl"], goal["to_mmoll"])),
        rows=tuple(_read_row(row) for row in table["rows"]),
        start=StartRule(**start) if start else None,
        no_increase=_read_low_rule(table.get("no_increase_if_any_below")),
        reduce=_read_low_rule(table.get("reduce_if_any_below")),
    )


def _read_row(row: Mapping[str, float]) -> Row:
    for word in ("from", "above"):
        if f"{word}_mgdl" in row:
            return Row(Edge(row[f"{word}_mgdl"], row[f"{word}_mmoll"]), word == "from", row["step_units"])
    return Row(None, False, row["step_units"])


def _read_low_rule(rule: Mapping[str, float] | None) -> LowRule | None:
    if rule is None:
        return None
    return LowRule(Edge(rule["mgdl"], rule["mmoll"]), rule["days"], rule.get("step_units", 0))


def _packaged() -> dict[str, TitrationTable]:
    text = files("models.dosing").joinpath("titration_tables.yaml").read_bytes()
    tables = [_read_table(table) for table in msgspec.yaml.decode(text)["tables"]]
    return {table.id: table for table in tables}


TABLES: Final[Mapping[str, TitrationTable]] = _packaged()
