"""The four import names are ours, installed editable or from the wheel, with their data files."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["cds_service", "hooks", "fhir_mappers", "models"]
DATA_SUFFIXES = {".csv", ".json", ".yaml", ".html", ".css", ".js", ".svg", ".mako", ".sha256"}


@pytest.mark.parametrize("name", PACKAGES)
def test_each_import_name_resolves_to_this_project(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    assert Path(spec.origin).resolve() == ROOT / name / "__init__.py"


@pytest.mark.parametrize("name", ["docker", "tests", "models.tests"])
def test_nothing_else_of_the_checkout_became_importable(name: str, tmp_path: Path) -> None:
    probe = f"import importlib.util as u, sys; sys.exit(u.find_spec({name.split('.')[0]!r}) is not None)"
    if "." in name:
        probe = "import models, pathlib; assert not (pathlib.Path(models.__file__).parent / 'tests').exists()"
    assert subprocess.run([sys.executable, "-c", probe], cwd=tmp_path, check=False).returncode == 0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
        ROOT,
    ]
    subprocess.run([str(part) for part in command], check=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_module_and_every_data_file(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    wanted = {name for name in tracked if Path(name).suffix in DATA_SUFFIXES | {".py"}}
    assert wanted - packed == set()


def test_the_wheel_imports_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    probe = (
        "import sys; sys.path.insert(0, 'site')\n"
        "import cds_service.app, hooks.registry, fhir_mappers.to_patient_record, models\n"
        "assert all('site' in m.__file__ for m in (cds_service.app, hooks.registry, models)), models.__file__\n"
    )
    subprocess.run([sys.executable, "-c", probe], cwd=tmp_path, check=True)
