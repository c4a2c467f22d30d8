"""The files that models are made of: those of the release, or the service does not start (J-02)."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from patience import PATIENCE_S

from cds_service.release import WITH_ARTEFACTS
from models.artefacts import MANIFEST, digests, manifest, unlike_release

ANEW = "python -m models.artefacts {0} > artefacts.sha256 && mv artefacts.sha256 {0}/"
LISTED = {
    "models": (
        "dosing/safety_limits.yaml",
        "dosing/titration_tables.yaml",
        "risk/hypoglycemia_60.json",
        "simulation/bandit_folds.json",
        "simulation/parameters/vpatient_params.csv",
    ),
    "fhir_mappers": ("codes.csv", "insulin_products.csv", "units.csv"),
}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the packaged artefacts."""
    for path in (*digests(files("models")), MANIFEST):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(str(files("models").joinpath(path)), tmp_path / path)
    return tmp_path


@pytest.mark.spec("J-02")
@pytest.mark.parametrize("package", LISTED)
def test_J02_the_list_is_of_the_artefacts_that_are_here(package: str) -> None:
    listed = files(package).joinpath(MANIFEST).read_text("ascii")
    anew = ANEW.format(package)
    assert listed == manifest(digests(files(package))), f"a data file changed; if so meant, run: {anew}"


@pytest.mark.spec("J-02")
@pytest.mark.parametrize("package", LISTED)
def test_J02_coefficients_dose_limits_and_tables_are_listed(package: str) -> None:
    listed = files(package).joinpath(MANIFEST).read_text("ascii")
    assert package in WITH_ARTEFACTS
    for path in LISTED[package]:
        assert f"  {path}\n" in listed


def _swap(models: Path) -> None:
    (models / "risk/hypoglycemia_60.json").write_bytes((models / "risk/hypoglycemia_120.json").read_bytes())


def _link_to_nothing(models: Path) -> None:
    (models / "risk/hypoglycemia_60.json").unlink()
    (models / "risk/hypoglycemia_60.json").symlink_to(models / "risk/nothing.json")


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
@pytest.mark.parametrize("damage", [_swap, _link_to_nothing, _flip_one_bit, _remove, _strike_from_the_list])
def test_J02_what_is_swapped_damaged_missing_or_unlisted_is_named(
    models: Path, damage: Callable[[Path], None]
) -> None:
    assert unlike_release("models", models) == []
    damage(models)
    (problem,) = unlike_release("models", models)
    assert problem.startswith("models/risk/hypoglycemia_60.json: is not the file of this release")


@pytest.mark.spec("J-02")
@pytest.mark.parametrize("octets", [None, b"\xff", "a folder"])
def test_J02_a_list_that_is_missing_or_damaged_is_named(models: Path, octets: bytes | str | None) -> None:
    (models / MANIFEST).unlink()
    if isinstance(octets, str):
        (models / MANIFEST).mkdir()
    elif octets is not None:
        (models / MANIFEST).write_bytes(octets)
    (problem,) = unlike_release("models", models)
    assert MANIFEST in problem


REQUEST = Path(__file__).parent / "golden" / "glucose-review" / "night-lows.request.json"
COMMANDS = [
    ("serve",),
    ("tenants", "check"),
    ("doctor", "--tenant", "north"),
    ("replay", "x", "--tenant", "y"),
    ("answer", "glucose-review", str(REQUEST)),
]
DAMAGED = [
    ("models", "dosing/titration_tables.yaml", b"changed: true\n"),
    ("models", "risk/hypoglycemia_60.json", b'{"half": '),
    ("models", "risk/prevent_coefficients.json", b"\xff\x00"),
    ("fhir_mappers", "codes.csv", b"no,table\n"),
]
TABLE = json.loads((files("models") / "risk/hypoglycemia_60.json").read_bytes())
MORE_DAMAGE = {
    "empty": b"",
    "no JSON": b"<html>sign in</html>",
    "a list": b"[1, 2]",
    "a member of another type": json.dumps(TABLE | {next(iter(TABLE)): 7}).encode(),
    "a member missing": json.dumps(dict(list(TABLE.items())[1:])).encode(),
    "a file missing": None,
}


@pytest.mark.spec("J-02", "F-25")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("package", "path", "octets"), DAMAGED)
def test_J02_F25_beside_a_changed_file_nothing_starts_and_one_line_names_it(
    tmp_path: Path, command: tuple[str, ...], package: str, path: str, octets: bytes
) -> None:
    """Some are read where their module is imported: the list is held against them before."""
    ran = run_beside(damaged(tmp_path, package, path, octets), command)
    assert (ran.returncode, ran.stdout) == (2, "")
    (line,) = [line for line in ran.stderr.splitlines() if path in line]
    assert f"{package}/{path}: is not the file of this release" in line
    assert "Traceback" not in ran.stderr


@pytest.mark.spec("J-02")
@pytest.mark.parametrize("damage", MORE_DAMAGE)
def test_J02_an_answer_beside_a_table_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, damage: str
) -> None:
    table = "risk/hypoglycemia_60.json"
    beside = damaged(tmp_path, "models", table, MORE_DAMAGE[damage])
    ran = run_beside(beside, ("answer", "glucose-review", str(REQUEST)))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == f"wearable-cds: models/{table}: is not the file of this release; install it again\n"


def damaged(folder: Path, package: str, path: str, octets: bytes | None) -> Path:
    """A folder with a copy of one package in which one file has other contents, or is not there."""
    away = shutil.ignore_patterns("__pycache__", "training")
    file = Path(shutil.copytree(str(files(package)), folder / package, ignore=away)) / path
    file.unlink() if octets is None else file.write_bytes(octets)
    return folder


def run_beside(folder: Path, command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """The command where the packages of that folder are found before ours."""
    paths = {"PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).parent.parent)])}
    return subprocess.run(
        [sys.executable, "-c", "from cds_service.cli import main; main()", *command],
        env=os.environ | paths, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
