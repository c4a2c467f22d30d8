"""Which data files a package was released with, and whether those that are here are the same.

Coefficients, dose limits, titration and code tables, virtual patients: all that is read and is no code. The
list is the package's `artefacts.sha256`, in the format of sha256sum. It is checked where the service starts,
before any of them is read; `python -m models.artefacts [PACKAGE]` prints it anew.
"""

import hashlib
import sys
from collections.abc import Iterator, Mapping
from importlib.abc import Traversable
from importlib.resources import files
from typing import Final

SUFFIXES: Final = (".csv", ".json", ".yaml")
NOT_SERVED: Final = ("__pycache__", "training")
"""Folders that the service does not read."""

DOCUMENTATION: Final = ".card.yaml"
MANIFEST: Final = "artefacts.sha256"


def digests(package: Traversable) -> dict[str, str]:
    """SHA-256 in hex of every artefact of a package, by path; empty where one cannot be read."""
    return {path: _digest(entry) for path, entry in _artefacts(package, "")}


def _digest(entry: Traversable) -> str:
    try:
        return hashlib.sha256(entry.read_bytes()).hexdigest()
    except OSError:  # a link to nothing, a file of another owner: like no file of the release
        return ""


def _artefacts(folder: Traversable, above: str) -> Iterator[tuple[str, Traversable]]:
    """Path and file of each, in order."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name not in NOT_SERVED:
            yield from _artefacts(entry, f"{above}{entry.name}/")
        elif entry.name.endswith(SUFFIXES) and not entry.name.endswith(DOCUMENTATION):
            yield above + entry.name, entry


def manifest(found: Mapping[str, str]) -> str:
    """The list of artefacts, as sha256sum writes it."""
    return "".join(f"{digest}  {path}\n" for path, digest in found.items())


def unlike_release(package: str, root: Traversable | None = None) -> list[str]:
    """One sentence for each artefact of a package that is changed, missing or not of this release."""
    root = root or files(package)
    try:
        lines = root.joinpath(MANIFEST).read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return [f"{package}/{MANIFEST}: is missing or damaged; install the release again"]
    released = {path: digest for digest, _, path in (line.partition("  ") for line in lines)}
    found = digests(root)
    return [
        f"{package}/{path}: is not the file of this release; install it again"
        for path in sorted(released.keys() | found.keys())
        if released.get(path) != found.get(path)
    ]


if __name__ == "__main__":
    sys.stdout.write(manifest(digests(files(sys.argv[1] if len(sys.argv) > 1 else "models"))))
