"""People from a file, for evaluation and training: the open data set's arrays, a table of events, or FHIR.

Between the command line and `models.training`; what cannot be read is a `Complaint`.
"""

import re
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from cds_service.local_answers import Complaint, read_bytes
from fhir_mappers.decode import NotFhir, read_page
from fhir_mappers.references import member, text
from fhir_mappers.site import Site
from fhir_mappers.to_patient_record import to_patient_record
from models.assessment import Reason
from models.features.local_time import local_ms, zone_of
from models.patient_record import PatientRecord
from models.preprocess.usable_cgm import usable_cgm
from models.signals import GLUCOSE_CGM
from models.time_series import TimeSeries
from models.training.cgm_people import Person, UnreadablePeople, person_of, read_people
from models.training.wearer_files import COLUMNS, records_of_arrays, records_of_table

_PATIENT: Final = re.compile(r"(?:^|/)Patient/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?$")

_ZIP: Final = b"PK\x03\x04"
_HEAD: Final = 256
"""Somewhere so early FHIR in JSON has its first brace, and a table has none."""


def people_of(path: Path, zone: str | None = None) -> tuple[Person, ...]:
    """The people of a file. FHIR times become those of `zone`, else of the zone in the record, else UTC."""
    try:
        with path.open("rb") as file:
            arrays = file.read(len(_ZIP)) == _ZIP
        people = read_people(path) if arrays else people_of_fhir(read_bytes(path), zone)
    except UnreadablePeople as fault:
        raise Complaint(f"{path.name}: {fault}") from None
    except NotFhir as fault:
        raise Complaint(f"{path.name} is neither arrays of people with CGM nor FHIR: {fault}") from None
    if not people:
        raise Complaint(f"{path.name} holds no CGM reading of anybody")
    return people


def wearers_of(path: Path, zone: str | None = None) -> tuple[PatientRecord, ...]:
    """Everybody in a file whose devices send what the vital signs review reads: arrays, a CSV or FHIR."""
    try:
        records = _wearers(path, zone)
    except UnreadablePeople as fault:
        raise Complaint(f"{path.name}: {fault}") from None
    except NotFhir as fault:
        raise Complaint(
            f"{path.name} is neither arrays, a table {','.join(COLUMNS)} nor FHIR: {fault}"
        ) from None
    known = tuple(record for record in records if any(map(len, record.series.values())))
    if not known:
        raise Complaint(f"{path.name} holds no value of a wearable of anybody")
    return known


def _wearers(path: Path, zone: str | None) -> tuple[PatientRecord, ...]:
    with path.open("rb") as file:
        if file.read(len(_ZIP)) == _ZIP:
            return records_of_arrays(path)
    raw = read_bytes(path)
    if b"{" not in raw[:_HEAD]:
        return records_of_table(raw.decode("utf-8-sig", "replace").splitlines())
    records = (_record(name, page, zone) for name, page in sorted(_by_patient(raw).items()))
    return tuple(replace(record, zone=record.zone or zone) for record in records)


def people_of_fhir(raw: bytes, zone: str | None) -> tuple[Person, ...]:
    """Everybody whose CGM is in a Bundle, an array or NDJSON. NotFhir for anything else."""
    records = (_person(name, page, zone) for name, page in sorted(_by_patient(raw).items()))
    return tuple(person for person in records if person is not None)


def _by_patient(raw: bytes) -> dict[str, bytes]:
    """The Observations and the Patient of each person as one JSON array; others' resources never meet."""
    page, found = read_page(raw), defaultdict(list)
    for position in range(sum(piece.size for piece in page.pieces)):
        resource = page.resource(position) or {}
        owner = _owner(resource)
        if owner:
            found[owner].append(bytes(page.resource_bytes(position)))
    return {owner: b"[" + b",".join(resources) + b"]" for owner, resources in found.items()}


def _owner(resource: dict[str, object]) -> str:
    if resource.get("resourceType") == "Patient":
        return text(resource, "id")
    named = _PATIENT.search(text(member(resource, "subject"), "reference"))
    return named.group(1) if named else ""


def _record(name: str, page: bytes, zone: str | None) -> PatientRecord:
    now_ms = time.time_ns() // 1_000_000
    return to_patient_record(name, {"file": [page]}, as_of_ms=now_ms, site=Site(zone=zone))


def _person(name: str, page: bytes, zone: str | None) -> Person | None:
    record = _record(name, page, zone)
    glucose = record.series.get(GLUCOSE_CGM)
    return None if glucose is None or not len(glucose) else _on_slots(name, glucose, record.zone or "UTC")


def _on_slots(name: str, glucose: TimeSeries, zone_name: str) -> Person:
    zone = zone_of(zone_name)
    usable = usable_cgm(glucose).series
    wall_ms = local_ms(usable.at_ms, ZoneInfo("UTC") if isinstance(zone, Reason) else zone)
    return person_of(f"fhir/{name}", np.asarray(wall_ms, np.int64), usable.value)
