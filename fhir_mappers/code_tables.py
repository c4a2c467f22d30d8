"""Reads the code tables that travel with the package, and finds the rows a concept's codes match.

Sits under insulin_products, medications and conditions: codes are data, this is how they are looked up.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files

from fhir_mappers.references import Coding, same_system

TableRow = dict[str, str]


def read_table(name: str) -> list[TableRow]:
    """The rows of a CSV file beside this module."""
    lines = files("fhir_mappers").joinpath(name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines))


@dataclass(slots=True)
class CodeTable:
    """Rows of a table with the columns system, code and match (`exact` or `prefix`), by code.

    ICD codes match with and without their dot.
    """

    exact: dict[tuple[str, str], list[TableRow]] = field(default_factory=dict)
    prefixes: dict[str, list[TableRow]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: list[TableRow]) -> "CodeTable":
        """The table of these rows."""
        table = cls()
        for row in rows:
            system = same_system(row["system"])
            if row["match"] == "prefix":
                table.prefixes.setdefault(system, []).append(row)
            else:
                table.exact.setdefault((system, _plain(row["code"])), []).append(row)
        return table

    def rows_of(self, codes: Iterable[Coding]) -> Iterator[TableRow]:
        """Every row that matches one of these codes."""
        for system, code, _ in codes:
            plain = _plain(code)
            yield from self.exact.get((system, plain), ())
            for row in self.prefixes.get(system, ()):
                if plain.startswith(_plain(row["code"])):
                    yield row


def _plain(code: str) -> str:
    return code.replace(".", "").upper()
