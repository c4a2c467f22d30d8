"""Which rows of the requirement catalogues have a test, which are out of scope and why, and which are open.

Run by `make spec` and by test_spec_coverage.py. A row is covered by a test that names it in its mark
`spec(...)`, or by a golden case that names it as its `rule`; `spec_out_of_scope.toml` holds the reasons.
"""

import ast
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent
SPEC = Path(os.environ.get("WEARABLE_CDS_SHARED", TESTS.parent.parent / "shared")) / "spec"

QUIRKS = "Quirk list"
"""The one table whose rows are plain numbers; a mark writes row 7 as Q7."""

_ID_COLUMNS = {"id", "#"}
_ROW_ID = re.compile(r"[A-Z]{1,2}(?:-A?)?\d{1,2}")
_CELLS = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Row:
    """One requirement. `levels` are its letters (M, R, O, D), empty where the catalogue gives none."""

    catalogue: str
    section: str
    id: str
    levels: frozenset[str]
    text: str

    @property
    def binding(self) -> bool:
        """Whether `make spec` fails without a test or a reason: what CDS Hooks itself demands."""
        return self.catalogue == "cds_hooks_smart" and self.section[:1] in "12" and "M" in self.levels


def rows(catalogue: Path) -> Iterator[Row]:
    """The requirements of one catalogue: table rows whose first cell is an id."""
    section, header = "", None
    for line in catalogue.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        if not line.startswith("|"):
            header = None
            continue
        cells = [cell.strip() for cell in _CELLS.split(line)[1:-1]]
        if header is None:
            header = [cell.lower() for cell in cells]
        elif header[0] in _ID_COLUMNS and (id := _id(cells[0], section)):
            level = cells[header.index("lvl")] if "lvl" in header else ""
            yield Row(catalogue.stem, section, id, frozenset(level) & frozenset("MROD"), cells[1])


def _id(cell: str, section: str) -> str | None:
    if QUIRKS in section and cell.isdigit():
        return f"Q{cell}"
    return cell if _ROW_ID.fullmatch(cell) else None


def marked(tests: Path = TESTS) -> dict[str, set[str]]:
    """Row ids with the places that show them."""
    found: dict[str, set[str]] = {}
    for file in sorted(tests.glob("test_*.py")):
        for id in _ids_of_marks(ast.parse(file.read_text(encoding="utf-8"))):
            found.setdefault(id, set()).add(file.name)
    for file in sorted(tests.glob("golden/mapper/*.json")):
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]:
            found.setdefault(f"Q{case['rule']}", set()).add(file.name)
    return found


def _ids_of_marks(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.spec":
            yield from (argument.value for argument in node.args if isinstance(argument, ast.Constant))


def reasons(tests: Path = TESTS) -> dict[str, str]:
    """Row ids that no test shows, with why."""
    table = tomllib.loads((tests / "spec_out_of_scope.toml").read_text(encoding="utf-8"))
    return {id: reason for group in table.values() for id, reason in group.items()}


def report(catalogues: list[Path]) -> list[str]:
    """Print the coverage of each catalogue; returns the binding rows with neither a test nor a reason."""
    shown, excused = marked(), reasons()
    all_rows = [row for catalogue in catalogues for row in rows(catalogue)]
    for catalogue in dict.fromkeys(row.catalogue for row in all_rows):
        _print_catalogue([row for row in all_rows if row.catalogue == catalogue], shown, excused)
    known = {row.id for row in all_rows}
    for id in sorted((shown.keys() | excused.keys()) - known):
        print(f"NOTE {id} stands in no catalogue: {', '.join(sorted(shown.get(id, {'the reasons'})))}")
    for id in sorted(shown.keys() & excused.keys()):
        print(f"NOTE {id} has a test, and a reason to have none")
    missing = [r.id for r in all_rows if r.binding and r.id not in shown and r.id not in excused]
    for id in missing:
        print(f"FAULT {id} is demanded by CDS Hooks and has neither a test nor a reason")
    return missing


def _print_catalogue(found: list[Row], shown: dict[str, set[str]], excused: dict[str, str]) -> None:
    covered = [row for row in found if row.id in shown]
    left = [row for row in found if row.id not in shown and row.id not in excused]
    excused_count = len(found) - len(covered) - len(left)
    print(
        f"{found[0].catalogue}: {len(covered)} covered, {excused_count} out of scope, {len(left)} open, "
        f"of {len(found)}"
    )
    for row in left:
        print(f"  open {row.id:5} {''.join(sorted(row.levels)) or '-':3} {row.text[:100]}")


if __name__ == "__main__":
    if not SPEC.is_dir():
        sys.exit("The catalogues are absent: set WEARABLE_CDS_SHARED to the folder that holds spec/.")
    sys.exit(1 if report(sorted(SPEC.glob("*.md"))) else 0)
