"""People with CGM from a file, for evaluation and training: the open data set's arrays, or FHIR.

Between the command line and `models.training`; what cannot be read is a `Complaint`.
"""

import re
import time
from collections import defaultdict
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
from models.preprocess.usable_cgm import usable_cgm
from models.signals import GLUCOSE_CGM
from models.time_series import TimeSeries
from models.training.cgm_people import Person, UnreadablePeople, person_of, read_people

_PATIENT: Final = re.compile(r"(?:^|/)Patient/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?$")

_ZIP: Final = b"PK\x03\x04"


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


def _person(name: str, page: bytes, zone: str | None) -> Person | None:
    now_ms = time.time_ns() // 1_000_000
    record = to_patient_record(name, {"file": [page]}, as_of_ms=now_ms, site=Site(zone=zone))
    glucose = record.series.get(GLUCOSE_CGM)
    return None if glucose is None or not len(glucose) else _on_slots(name, glucose, record.zone or "UTC")


def _on_slots(name: str, glucose: TimeSeries, zone_name: str) -> Person:
    zone = zone_of(zone_name)
    usable = usable_cgm(glucose).series
    wall_ms = local_ms(usable.at_ms, ZoneInfo("UTC") if isinstance(zone, Reason) else zone)
    return person_of(f"fhir/{name}", np.asarray(wall_ms, np.int64), usable.value)
