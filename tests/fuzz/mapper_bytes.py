"""Coverage-guided fuzzing of the mapper: no bytes may raise anything but NotFhir. Not part of the test suite.

Run: pip install atheris, then python tests/fuzz/mapper_bytes.py -max_total_time=600
It starts from the mapper's golden cases. Bytes are tried as they are, and as the one entry of a Bundle.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris  # type: ignore[import-not-found]

with atheris.instrument_imports():
    from fhir_mappers.decode import NotFhir
    from fhir_mappers.explain import explain
    from fhir_mappers.pace import Pace
    from fhir_mappers.points import dropped, points
    from fhir_mappers.site import Site
    from fhir_mappers.to_patient_record import map_pages, record_of

AS_OF_MS = 1_779_000_000_000


def told(body: bytes, fast: bool) -> tuple[list[str], list[str]]:
    """All that the record of a body says."""
    record = record_of(map_pages("p1", {"q": [body]}, Site(subject_optional=True), AS_OF_MS, Pace(fast)))
    return sorted(map(repr, points(record))), sorted(map(repr, dropped(record)))


def one_input(data: bytes) -> None:
    """One input: the fast path must say what the reference path says."""
    for body in (data, b'{"resourceType":"Bundle","entry":[{"resource":' + data + b"}]}"):
        try:
            assert told(body, fast=True) == told(body, fast=False)
            explain("p1", {"q": [body]}, as_of_ms=AS_OF_MS, site=Site())
        except NotFhir:
            continue


def write_seeds(folder: Path) -> None:
    """The inputs of all golden cases, a file each."""
    for file in (Path(__file__).resolve().parent.parent / "golden" / "mapper").glob("*.json"):
        for case in json.loads(file.read_text())["cases"]:
            (folder / f"{file.stem}-{case['id']}").write_text(json.dumps(case["input"]))


if __name__ == "__main__":
    with TemporaryDirectory() as seeds:
        write_seeds(Path(seeds))
        atheris.Setup([*sys.argv, seeds], one_input)
        atheris.Fuzz()
