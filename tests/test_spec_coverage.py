"""No requirement that CDS Hooks makes is without a test or a reason."""

from pathlib import Path

import pytest
import spec_coverage

CATALOGUE = """
### 2.1 Discovery

| ID | Requirement | Lvl | Ver | Test |
|---|---|---|---|---|
| DI1 | Always there | M | 2 | GET |
| DI2 | With `a \\| b` | R/D | 2 | x |
| text | no row | M | | |

## 3. What changes

| Topic | 2.0.1 |
|---|---|
| Scopes | SMART 1 |
"""


def test_every_binding_row_has_a_test_or_a_reason(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalogues = sorted((shared / "spec").glob("*.md"))
    assert sum(1 for path in catalogues for _ in spec_coverage.rows(path)) > 300
    assert spec_coverage.report(catalogues) == [], capsys.readouterr().out


def test_rows_are_read_with_their_levels_and_other_tables_are_left(tmp_path: Path) -> None:
    path = tmp_path / "cds_hooks_smart.md"
    path.write_text(CATALOGUE, encoding="utf-8")
    found = list(spec_coverage.rows(path))
    assert [(row.id, row.binding, row.levels) for row in found] == [
        ("DI1", True, {"M"}),
        ("DI2", False, {"R", "D"}),
    ]


def test_a_mark_counts_wherever_it_stands_in_a_test(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        'import pytest\n@pytest.mark.spec("DI1", "X2")\ndef test_a(): ...\n'
        'CASES = [pytest.param(1, marks=pytest.mark.spec("FA1"))]\n',
        encoding="utf-8",
    )
    assert set(spec_coverage.marked(tmp_path)) == {"DI1", "X2", "FA1"}


def test_every_reason_says_something() -> None:
    assert all(len(reason.split()) >= 4 for reason in spec_coverage.reasons().values())
