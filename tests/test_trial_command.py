"""The command `trial`: the same table for the same seed, JSON of a fixed form, a plain answer to unknown arms."""

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from cds_service import trial_table
from cds_service.cli import main
from models.simulation import trial

KEYS = {"cycle", "tir", "tbr", "tbr54", "tar", "gri", "share_tbr_over_4", "contraindicated"}


@pytest.fixture(autouse=True)
def short_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days between visits instead of fourteen: these tests are about the command, not about glucose."""
    monkeypatch.setattr(trial, "DAYS", 2)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["trial", "--cases", "2", "--cycles", "1", *arguments])


def test_the_json_has_one_row_for_each_arm_and_cycle_and_nothing_else() -> None:
    result = run("--arms", "none,rules", "--world", "shifted", "--seed", "7", "--cycles", "2", "--json")
    found = json.loads(result.stdout)
    assert set(found) == {"world", "arms"}
    assert found["world"] == "shifted"
    assert list(found["arms"]) == ["none", "rules"]
    for rows in found["arms"].values():
        assert [row["cycle"] for row in rows] == [1, 2]
        assert all(set(row) == KEYS for row in rows)
        assert all(row["tir"] + row["tbr"] + row["tar"] == pytest.approx(100.0, abs=0.01) for row in rows)
    assert "cycle 2: rules" in result.stderr


@pytest.mark.parametrize("seed", ["-5", "0", "123456789012345678901234567890"])
def test_any_whole_number_is_a_seed_and_gives_the_same_numbers_again(seed: str) -> None:
    first, second = (run("--arms", "value-of-action", "--seed", seed, "--json") for _ in range(2))
    assert first.exit_code == 0
    assert first.stdout == second.stdout


def test_another_seed_gives_other_cases() -> None:
    first, second = (run("--arms", "none", "--seed", seed, "--json").stdout for seed in ("1", "2"))
    assert first != second


def test_without_json_each_group_has_its_table() -> None:
    shown = run("--arms", "none").stdout
    assert [f"seed 1: {group}" in shown for group in ("all cases", "adult", "adolescent")] == [True] * 3


def test_an_unknown_arm_is_refused_with_the_list_of_arms() -> None:
    result = run("--arms", "none,best")
    assert result.exit_code == 2
    assert "'best'" in result.stderr
    assert "value-of-action" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("wrong", [("--world", "other"), ("--cases", "1"), ("--cycles", "0")])
def test_a_trial_that_cannot_be_is_refused(wrong: tuple[str, str]) -> None:
    assert run(*wrong).exit_code == 2


def test_plots_are_pictures_of_every_measure_for_every_group(tmp_path: Path) -> None:
    assert run("--arms", "none,reference", "--plots", str(tmp_path / "new")).exit_code == 0
    drawn = {file.name: file.read_text() for file in (tmp_path / "new").iterdir()}
    assert len(drawn) == 15
    assert all(text.startswith("<svg") and text.count("<polyline") == 2 for text in drawn.values())


def test_no_number_of_the_table_is_cut_off_on_a_narrow_terminal() -> None:
    row = dict.fromkeys(trial_table.HEADINGS, 100.0) | {"cycle": 12}
    lines = io.StringIO()
    Console(file=lines, width=80).print(trial_table.table("all cases", {"value-of-action": [row]}))
    assert "…" not in lines.getvalue()
    assert lines.getvalue().count("100.0") == len(row) - 1
