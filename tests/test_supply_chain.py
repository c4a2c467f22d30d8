"""What goes into the image: every package pinned, by hash, from no index in particular."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "docker" / "requirements.lock").read_text(encoding="utf-8")
PINNED = dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)", LOCK, re.M))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ASKED = [
    *PROJECT["dependencies"],
    *PROJECT["optional-dependencies"]["postgres"],
    *PROJECT["optional-dependencies"]["redis"],
]


@pytest.mark.spec("J-04")
@pytest.mark.parametrize("text", ASKED)
def test_J04_what_the_project_asks_for_is_pinned_within_what_it_allows(text: str) -> None:
    asked = Requirement(text)
    assert Version(PINNED[canonicalize_name(asked.name)]) in asked.specifier


@pytest.mark.spec("J-04")
def test_J04_every_pin_has_hashes_and_none_names_an_index() -> None:
    entries = re.split(r"^(?=[a-z0-9-]+(?:\[[a-z,]+\])?==)", LOCK, flags=re.M)[1:]
    assert len(entries) == len(PINNED) > 30
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    assert not re.search(r"https?:|file:|--index|--extra-index|--find-links", LOCK)


@pytest.mark.spec("J-04")
def test_J04_the_image_installs_the_pins_alone() -> None:
    steps = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").split("pip install")[1:]
    assert "--require-hashes" in steps[0] and "requirements.lock" in steps[0]
    assert all("--require-hashes" in step or "--no-deps" in step for step in steps)


def test_learning_libraries_stay_out_of_the_image() -> None:
    assert not PINNED.keys() & {
        "torch",
        "scikit-learn",
        "lightgbm",
        "interpret-core",
        "pandas",
        "scipy",
        "joblib",
    }
