"""What the command line computes from a file: the same mapping, features and decisions as over HTTP.

Between `cli` and the pure layers; a refusal is a `Complaint` that becomes exit 2.
"""

import csv
import gzip
import io
import time
import uuid
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np

from cds_service import pipeline
from cds_service.deadline import Deadline
from cds_service.site_files import read_site
from fhir_mappers import points as as_points
from fhir_mappers.decode import NotFhir
from fhir_mappers.explain import explain
from fhir_mappers.site import Site
from fhir_mappers.to_patient_record import NO_SITE, to_patient_record
from hooks.errors import CannotAnswer
from hooks.protocol import parse
from hooks.registry import SERVICES
from hooks.service import Practice
from models.features.glucose_features import features_of
from models.patient_record import PatientRecord
from models.signals import GLUCOSE_CGM
from models.time_series import TimeSeries, series_of

MAX_FILE_BYTES = 512 * 1024 * 1024


class Complaint(ValueError):
    """What the user must change, in one sentence."""


@contextmanager
def complaints(refuse: Callable[[str], NoReturn]) -> Iterator[None]:
    """Turn everything that the input can be guilty of into one refusal."""
    try:
        yield
    except (Complaint, NotFhir) as fault:
        refuse(str(fault))
    except CannotAnswer as fault:
        where = f" at {', '.join(fault.expression)}" if fault.expression else ""
        refuse(f"{fault.public}{where} (status {fault.status})")
    except (EOFError, zlib.error, csv.Error):
        refuse("the file is damaged, or is no table")
    except OSError as fault:
        refuse(f"cannot read the file: {fault.strerror or fault}")


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapped file, with the three views that `map` prints."""

    record: PatientRecord

    @property
    def strangers(self) -> int:
        """Resources of somebody else."""
        rejected = self.record.rejected.get("wrong_patient")
        return rejected.count if rejected else 0

    def points(self) -> Iterator[dict[str, Any]]:
        return as_points.points(self.record)

    def dropped(self) -> Iterator[dict[str, Any]]:
        return as_points.dropped(self.record)

    def summary(self) -> dict[str, Any]:
        return as_points.summary(self.record)


def read_bytes(file: Path) -> bytes:
    """The file's bytes without a byte order mark, gunzipped where it is gzip. Raises OSError."""
    raw = file.read_bytes()
    if raw[:2] != b"\x1f\x8b":
        return raw.removeprefix(BOM_UTF8)
    with gzip.open(file) as packed:
        content = packed.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise Complaint("the file unpacks to more than 512 MiB")
    return content


class _HookRequest(msgspec.Struct):
    hook: str
    prefetch: dict[str, msgspec.Raw]


def pages_of(raw: bytes) -> dict[str, list[bytes]]:
    """The FHIR bodies of a file: itself, or the prefetch entries where it is a hook request."""
    try:
        request = msgspec.json.decode(raw, type=_HookRequest)
    except (msgspec.MsgspecError, RecursionError):
        return {"file": [raw]}
    return {key: [bytes(entry)] for key, entry in request.prefetch.items() if bytes(entry) != b"null"}


def moment_ms(text: str | None) -> int:
    """`--as-of` in UTC milliseconds, now without it. Raises Complaint on all but ISO 8601 with offset."""
    if text is None:
        return time.time_ns() // 1_000_000
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Complaint(f"--as-of is not an ISO 8601 time: {text}") from None
    if at.tzinfo is None:
        raise Complaint("--as-of needs an offset, as in 2026-05-01T08:00:00Z")
    return int(at.timestamp() * 1000)


def site_of(aliases_file: Path | None, zone: str | None) -> Site:
    """What a site declares, as its tenant's registration would. Raises Complaint where that is unreadable."""
    try:
        if zone is not None:
            ZoneInfo(zone)
        return read_site(aliases_file, zone)
    except (ZoneInfoNotFoundError, ValueError, TypeError) as fault:
        raise Complaint(f"the zone or the alias file is not as it should be: {fault}") from None


def map_file(file: Path, patient_id: str, as_of: str | None, site: Site = NO_SITE) -> Mapped:
    """The resources of a file as series of one patient."""
    pages = pages_of(read_bytes(file))
    return Mapped(to_patient_record(patient_id, pages, as_of_ms=moment_ms(as_of), site=site))


def explain_file(file: Path, patient_id: str, as_of: str | None, site: Site = NO_SITE) -> dict[str, Any]:
    """The integrator's table of a file: what arrived, was used, was dropped and why."""
    return explain(patient_id, pages_of(read_bytes(file)), as_of_ms=moment_ms(as_of), site=site)


def features_of_file(
    file: Path, as_of: str | None, days: int, zone: str | None, patient_id: str | None
) -> dict[str, Any]:
    """Glycaemic features of a window that ends at `as_of`, or at the last reading where that is not given."""
    raw = read_bytes(file)
    if raw.lstrip()[:1] in (b"{", b"["):
        series, from_device = _cgm_of_fhir(raw, as_of, zone, patient_id), True
    else:
        from_device = False  # research tables keep decimals that no device displayed
        series = glucose_of_csv(raw.decode("utf-8-sig", errors="replace"), patient_id)
    if not len(series):
        raise Complaint("no glucose readings found")
    end_ms = moment_ms(as_of) if as_of else int(series.at_ms[-1])
    return features_of(series, end_ms, days=days, zone=zone, as_displayed=from_device)


def _cgm_of_fhir(raw: bytes, as_of: str | None, zone: str | None, patient_id: str | None) -> TimeSeries:
    if patient_id is None:
        raise Complaint("--patient is needed for FHIR input")
    pages = pages_of(raw)
    record = to_patient_record(patient_id, pages, as_of_ms=moment_ms(as_of), site=Site(zone=zone))
    return record.series.get(GLUCOSE_CGM) or series_of(
        GLUCOSE_CGM, "mg/dL", np.empty(0, np.int64), np.empty(0)
    )


def glucose_of_csv(text: str, person: str | None = None) -> TimeSeries:
    """A CGM series from `time,gl` or `id,time,gl`: mg/dL, times without offset read as UTC.

    Rows without a value are skipped. Raises Complaint where the columns are missing, a row cannot be read,
    or the rows are of several people and none is chosen.
    """
    rows = csv.DictReader(io.StringIO(text))
    if not {"time", "gl"} <= set(rows.fieldnames or ()):
        raise Complaint("the CSV needs the columns time and gl")
    at_ms, value, people = [], [], set()
    for number, row in enumerate(rows, start=2):
        if person is not None and row.get("id", person) != person:
            continue
        people.add(row.get("id"))
        if len(people) > 1:
            raise Complaint("the CSV holds several people; choose one with --patient")
        if not row["gl"] or row["gl"].upper() == "NA":
            continue
        try:
            at = datetime.fromisoformat(row["time"])
            value.append(float(row["gl"]))
        except (ValueError, TypeError):
            raise Complaint(f"line {number} of the CSV cannot be read") from None
        at_ms.append(round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000))
    return series_of(GLUCOSE_CGM, "mg/dL", np.asarray(at_ms, np.int64), np.asarray(value, np.float64))


def answer_file(service_id: str, file: Path, as_of: str | None, practice: Practice) -> dict[str, Any]:
    """The response body of a service to the request in a file; its card ids follow from the file's bytes."""
    services = {service.id: service for service in SERVICES}
    if service_id not in services:
        raise Complaint(f"no service {service_id}; there are {', '.join(sorted(services))}")
    body = read_bytes(file)
    asked, service = parse(body), services[service_id]
    if asked.hook != service.hook:
        raise Complaint(f"{service_id} answers {service.hook}, the request is for {asked.hook}")
    response_id = uuid.uuid5(uuid.NAMESPACE_URL, body.hex())
    moment = pipeline.Moment(moment_ms(as_of), Deadline.after(60), response_id)
    place = pipeline.Place(site=Site(zone=practice.zone), practice=practice)
    decision = pipeline.decide(service, asked, moment, place).decision
    return {"cards": [card.to_json() for card in decision.cards]}
