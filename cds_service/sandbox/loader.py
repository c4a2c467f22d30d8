"""Files into the sandbox: FHIR Bundles of any kind, NDJSON, arrays, single resources, and CGM tables.

Called by the command line and by tests. Loading the same file twice changes nothing but versions.
"""

import csv
import gzip
import io
import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from cds_service.sandbox.bundles import check_resource, full_url_targets, rewritten
from cds_service.sandbox.fhir_words import Resource, Subject, measured
from cds_service.sandbox.glucose_records import CGM
from cds_service.sandbox.indexing import patient_of
from cds_service.sandbox.storage import Storage
from hooks.errors import BadRequest

_NAMESPACE: Final = uuid.UUID("6f8d0c52-6ad5-4a5e-9a9b-0b8f6a2f4c11")
"""Ids of resources that come without one derive from their content under this namespace."""

_NOT_ID: Final = re.compile(r"[^A-Za-z0-9.-]+")


class UnreadableFile(ValueError):
    """The file is none of the forms above; the message says what was wrong, for a person."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file brought: resources by type, patients made up for references, rows without a value."""

    resources: Mapping[str, int]
    added_patients: Sequence[str] = ()
    empty_rows: int = 0


@dataclass(slots=True)
class _Reading:
    resources: list[Resource] = field(default_factory=list)
    empty_rows: int = 0


def load_file(path: Path, storage: Storage) -> Loaded:
    """Loads the file, all or nothing. Raises UnreadableFile.

    Resources keep their ids. A patient that resources refer to and nobody has is added, without a name.
    """
    content = _content(path)
    plain_name = path.name.removesuffix(".gz")
    read = _table(content, plain_name) if plain_name.endswith(".csv") else _Reading(_resources(content))
    with storage.atomic():
        storage.put_all(read.resources)
        added = _add_missing_patients(read.resources, storage)
    counts = Counter(resource["resourceType"] for resource in read.resources)
    return Loaded(dict(counts), added, read.empty_rows)


def _content(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError):
        raise UnreadableFile(f"{path.name} is not UTF-8 text, or not gzip") from None


def _resources(content: str) -> list[Resource]:
    """The resources of a Bundle, an array, NDJSON or a single resource."""
    documents = _documents(content)
    found: list[Any] = []
    targets: dict[str, str] = {}
    for document in documents:
        if isinstance(document, dict) and document.get("resourceType") == "Bundle":
            entries = [entry for entry in document.get("entry", ()) if isinstance(entry, dict)]
            held = [(entry, _identified(entry.get("resource"), entry)) for entry in entries]
            targets |= full_url_targets((entry, resource) for entry, resource in held)
            found += [resource for _, resource in held]
        else:
            found.append(_identified(document, {}))
    if not found:
        raise UnreadableFile("the file holds no resource")
    return [rewritten(resource, targets) for resource in found] if targets else found


def _documents(content: str) -> list[Any]:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        try:
            return [orjson.loads(line) for line in content.splitlines() if line.strip()]
        except orjson.JSONDecodeError as wrong:
            raise UnreadableFile(f"neither JSON nor NDJSON: {wrong}") from None
    return document if isinstance(document, list) else [document]


def _identified(resource: Any, entry: Mapping[str, Any]) -> Resource:
    """The resource with its own id, else that of its `urn:uuid:` address, else one made from its content."""
    try:
        checked = check_resource(resource)
    except BadRequest as wrong:
        raise UnreadableFile(f"an entry is no FHIR resource: {wrong.public}") from None
    if "id" in checked:
        return checked
    address = str(entry.get("fullUrl", ""))
    if address.startswith("urn:uuid:"):
        return checked | {"id": address.removeprefix("urn:uuid:")}
    content = orjson.dumps(checked, option=orjson.OPT_SORT_KEYS).decode()
    return checked | {"id": str(uuid.uuid5(_NAMESPACE, content))}


def _table(content: str, name: str) -> _Reading:
    """A CGM table: the columns time (UTC) and gl (mg/dL), and id where it holds several people."""
    rows = csv.DictReader(io.StringIO(content))
    columns = {column.strip().lower() for column in rows.fieldnames or ()}
    if not {"time", "gl"} <= columns:
        raise UnreadableFile(f"{name} needs the columns time and gl, and id for several people")
    rows.fieldnames = [column.strip().lower() for column in rows.fieldnames or ()]
    reading, subjects = _Reading(), dict[str, Subject]()
    for number, row in enumerate(rows, start=2):
        identity = _NOT_ID.sub("-", row.get("id") or name.removesuffix(".csv")).strip("-")[:40]
        subject = subjects.setdefault(identity, Subject(identity, ZoneInfo("UTC")))
        made = _sample(subject, row, number)
        reading.resources += made
        reading.empty_rows += not made
    return reading


def _sample(subject: Subject, row: Mapping[str, str], number: int) -> list[Resource]:
    """One row as an Observation; none when it has no value."""
    value = (row["gl"] or "").strip()
    if value in ("", "NA", "NaN", "nan"):
        return []
    try:
        at = datetime.fromisoformat(row["time"].strip()).replace(tzinfo=UTC)
        mgdl = float(value)
    except (ValueError, AttributeError):
        raise UnreadableFile(f"row {number}: not a time and a number") from None
    made = measured(subject, CGM, round(at.timestamp() * 1000), int(mgdl) if mgdl.is_integer() else mgdl)
    made |= {"id": f"{subject.id}-{number}", "effectiveDateTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    return [made]


def _unnamed_patient(identity: str) -> Resource:
    return {"resourceType": "Patient", "id": identity, "name": [{"text": f"Loaded person {identity}"}]}


def _add_missing_patients(resources: Sequence[Resource], storage: Storage) -> list[str]:
    about = {patient for resource in resources if (patient := patient_of(resource))}
    ids = sorted(each.removeprefix("Patient/") for each in about if each.startswith("Patient/"))
    missing = [identity for identity in ids if storage.read("Patient", identity) is None]
    storage.put_all(_unnamed_patient(identity) for identity in missing)
    return missing
