"""The files that models are made of: those of the release, or the service does not start (J-02)."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from models.artefacts import MANIFEST, digests, manifest, unlike_release

ANEW = "python -m models.artefacts > artefacts.sha256 && mv artefacts.sha256 models/"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the packaged artefacts."""
    for path in (*digests(files("models")), MANIFEST):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        shutil.copy(str(files("models").joinpath(path)), tmp_path / path)
    return tmp_path


@pytest.mark.spec("J-02")
def test_J02_the_list_is_of_the_artefacts_that_are_here() -> None:
    listed = files("models").joinpath(MANIFEST).read_text("ascii")
    assert listed == manifest(digests(files("models"))), f"a model's file changed; if so meant, run: {ANEW}"


@pytest.mark.spec("J-02")
def test_J02_coefficients_dose_limits_and_titration_tables_are_listed() -> None:
    listed = files("models").joinpath(MANIFEST).read_text("ascii")
    for path in ("dosing/safety_limits.yaml", "dosing/titration_tables.yaml", "risk/hypoglycemia_60.json"):
        assert f"  {path}\n" in listed


def _swap(models: Path) -> None:
    (models / "risk/hypoglycemia_60.json").write_bytes((models / "risk/hypoglycemia_120.json").read_bytes())


def _flip_one_bit(models: Path) -> None:
    octets = bytearray((models / "risk/hypoglycemia_60.json").read_bytes())
    octets[len(octets) // 2] ^= 1
    (models / "risk/hypoglycemia_60.json").write_bytes(octets)


def _remove(models: Path) -> None:
    (models / "risk/hypoglycemia_60.json").unlink()


def _strike_from_the_list(models: Path) -> None:
    lines = (models / MANIFEST).read_text("ascii").splitlines(keepends=True)
    (models / MANIFEST).write_text("".join(line for line in lines if "hypoglycemia_60" not in line))


@pytest.mark.spec("J-02")
@pytest.mark.parametrize("damage", [_swap, _flip_one_bit, _remove, _strike_from_the_list])
def test_J02_what_is_swapped_damaged_missing_or_unlisted_is_named(
    models: Path, damage: Callable[[Path], None]
) -> None:
    assert unlike_release(models) == []
    damage(models)
    (problem,) = unlike_release(models)
    assert problem.startswith("models/risk/hypoglycemia_60.json: is not the file of this release")


@pytest.mark.spec("J-02")
@pytest.mark.parametrize("octets", [None, b"\xff"])
def test_J02_a_list_that_is_missing_or_damaged_is_named(models: Path, octets: bytes | None) -> None:
    (models / MANIFEST).unlink()
    if octets is not None:
        (models / MANIFEST).write_bytes(octets)
    (problem,) = unlike_release(models)
    assert MANIFEST in problem


@pytest.mark.spec("J-02")
@pytest.mark.parametrize("command", [("serve",), ("tenants", "check"), ("doctor", "--tenant", "north")])
def test_J02_beside_a_changed_model_nothing_starts_and_the_file_is_named(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    package = shutil.copytree(
        str(files("models")), tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__")
    )
    with (Path(package) / "dosing/titration_tables.yaml").open("ab") as table:
        table.write(b"\n# changed\n")
    paths = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parent.parent)])}
    ran = subprocess.run(
        [sys.executable, "-c", "from cds_service.cli import main; main()", *command],
        env=os.environ | paths, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "models/dosing/titration_tables.yaml: is not the file of this release" in ran.stderr
