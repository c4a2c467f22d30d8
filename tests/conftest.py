"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the shared reference data; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("WEARABLE_CDS_SHARED", ROOT.parent / "shared")).resolve()
    if not (folder / "data").is_dir():
        pytest.skip("shared reference data absent: set WEARABLE_CDS_SHARED to its folder")
    return folder
