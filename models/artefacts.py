"""Which files the models were released with, and whether those that are here are the same.

The coefficients, dose limits and titration tables of `risk` and `dosing`, listed in `artefacts.sha256` in the
format of sha256sum. Read where the service starts; `python -m models.artefacts` prints the list anew.
"""

import hashlib
import sys
from collections.abc import Mapping
from importlib.abc import Traversable
from importlib.resources import files
from typing import Final

FOLDERS: Final = ("dosing", "risk")
SUFFIXES: Final = (".json", ".yaml")
DOCUMENTATION: Final = ".card.yaml"
MANIFEST: Final = "artefacts.sha256"


def digests(root: Traversable) -> dict[str, str]:
    """SHA-256 in hex of every artefact under a folder of models, by path."""
    return {
        f"{folder}/{entry.name}": hashlib.sha256(entry.read_bytes()).hexdigest()
        for folder in FOLDERS
        for entry in sorted(root.joinpath(folder).iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(SUFFIXES) and not entry.name.endswith(DOCUMENTATION)
    }


def manifest(found: Mapping[str, str]) -> str:
    """The list of artefacts, as sha256sum writes it."""
    return "".join(f"{digest}  {path}\n" for path, digest in found.items())


def unlike_release(root: Traversable | None = None) -> list[str]:
    """One sentence for each artefact that is changed, missing or not of this release."""
    root = root or files("models")
    try:
        lines = root.joinpath(MANIFEST).read_text("ascii").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return [f"models/{MANIFEST}: is missing or damaged; install the release again"]
    released = {path: digest for digest, _, path in (line.partition("  ") for line in lines)}
    found = digests(root)
    return [
        f"models/{path}: is not the file of this release; install it again"
        for path in sorted(released.keys() | found.keys())
        if released.get(path) != found.get(path)
    ]


if __name__ == "__main__":
    sys.stdout.write(manifest(digests(files("models"))))
