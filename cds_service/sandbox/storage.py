"""The sandbox's resources in one SQLite file: raw JSON text beside the columns that a search needs.

Below `fhir_server`, which speaks HTTP; JSON is parsed when a resource comes in and never when it goes out.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from cds_service.sandbox.indexing import date_range, patient_of, tokens
from cds_service.sandbox.search import BY_DATE, Page, Query

_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS resource (
    seq INTEGER PRIMARY KEY, type TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL, patient TEXT, start_ms INTEGER, end_ms INTEGER, body TEXT NOT NULL,
    UNIQUE (type, id));
DROP INDEX IF EXISTS resource_of_patient;
CREATE INDEX IF NOT EXISTS resource_of_patient_by_date ON resource (patient, type, {BY_DATE}, seq);
CREATE TABLE IF NOT EXISTS token (
    seq INTEGER NOT NULL, parameter TEXT NOT NULL, system TEXT NOT NULL, code TEXT NOT NULL,
    PRIMARY KEY (seq, parameter, code, system)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS token_code ON token (parameter, code);
"""


def wall_clock_ms() -> int:
    """UTC milliseconds now."""
    return round(time.time() * 1000)


@dataclass(frozen=True, slots=True)
class Stored:
    """One resource as it stands: identity, version and its JSON text."""

    type: str
    id: str
    version: int
    updated_ms: int
    patient: str | None
    body: str
    created: bool = False

    def parsed(self) -> dict[str, Any]:
        """The resource as a dictionary."""
        resource: dict[str, Any] = orjson.loads(self.body)
        return resource


class Storage:
    """Reads, writes and searches. One connection behind a lock: enough for a demonstration, and simple."""

    def __init__(self, path: Path | str, clock: Callable[[], int] = wall_clock_ms) -> None:
        self.clock = clock
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_SCHEMA}")

    def close(self) -> None:
        """Gives the file back."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Everything inside is kept, or nothing is; inside another one it is part of that one."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def put(self, resource: dict[str, Any]) -> Stored:
        """Creates the resource or replaces the one with its type and id; stamps `meta`."""
        kind, identity, now_ms = resource["resourceType"], resource["id"], self.clock()
        with self.atomic():
            before = self._connection.execute(
                "SELECT seq, version FROM resource WHERE type = ? AND id = ?", (kind, identity)
            ).fetchone()
            version = before[1] + 1 if before else 1
            body = orjson.dumps(_stamped(resource, version, now_ms)).decode()
            span = date_range(resource) or (None, None)
            patient = patient_of(resource)
            row = (version, now_ms, patient, *span, body)
            if before:
                self._replace(before[0], row)
            seq = before[0] if before else self._insert((kind, identity, *row))
            self._connection.executemany(
                "INSERT INTO token VALUES (?, ?, ?, ?)",
                [(seq, token.parameter, token.system, token.code) for token in tokens(resource)],
            )
        return Stored(kind, identity, version, now_ms, patient, body, created=before is None)

    def put_all(self, resources: Iterable[dict[str, Any]]) -> int:
        """Puts all of them together; how many."""
        with self.atomic():
            return len([self.put(resource) for resource in resources])

    def forget_patient(self, patient_id: str) -> None:
        """Removes the patient and everything about them, as if it had never been here."""
        about = "SELECT seq FROM resource WHERE patient = 'Patient/' || ?"
        with self.atomic():
            self._connection.execute(f"DELETE FROM token WHERE seq IN ({about})", (patient_id,))
            self._connection.execute(f"DELETE FROM resource WHERE seq IN ({about})", (patient_id,))

    def read(self, kind: str, identity: str) -> Stored | None:
        """The resource as it stands, None when there is none."""
        with self._lock:
            row = self._connection.execute(
                "SELECT type, id, version, updated_ms, patient, body FROM resource WHERE type = ? AND id = ?",
                (kind, identity),
            ).fetchone()
        return Stored(*row) if row else None

    def count(self, query: Query) -> int:
        """How many resources answer the query, whatever the page."""
        where, values = query.where()
        with self._lock:
            row = self._connection.execute(f"SELECT count(*) FROM resource WHERE {where}", values).fetchone()
        return int(row[0])

    def page(self, query: Query) -> Page:
        """One page of the query, and the position after it when there is more."""
        where, values = query.where(paged=True)
        select = f"SELECT {query.sort_key}, seq, id, body FROM resource WHERE {where} ORDER BY {query.order}"
        with self._lock:
            rows = self._connection.execute(f"{select} LIMIT ?", (*values, query.count + 1)).fetchall()
        kept = rows[: query.count]
        more = len(rows) > query.count and bool(kept)
        return Page(
            bodies=tuple((row[2], row[3]) for row in kept), after=tuple(kept[-1][:2]) if more else None
        )

    def search(self, query: Query) -> list[dict[str, Any]]:
        """Every resource that answers the query, parsed, whatever its page size."""
        where, values = query.where()
        select = f"SELECT body FROM resource WHERE {where} ORDER BY {query.order}"
        with self._lock:
            rows = self._connection.execute(select, values).fetchall()
        return [orjson.loads(row[0]) for row in rows]

    def _insert(self, row: tuple[Any, ...]) -> int:
        inserted = self._connection.execute(
            "INSERT INTO resource (type, id, version, updated_ms, patient, start_ms, end_ms, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        return int(inserted.lastrowid or 0)

    def _replace(self, seq: int, row: tuple[Any, ...]) -> None:
        self._connection.execute("DELETE FROM token WHERE seq = ?", (seq,))
        self._connection.execute(
            "UPDATE resource SET version = ?, updated_ms = ?, patient = ?, start_ms = ?, end_ms = ?, body = ?"
            " WHERE seq = ?",
            (*row, seq),
        )


def _stamped(resource: dict[str, Any], version: int, now_ms: int) -> dict[str, Any]:
    meta = {"versionId": str(version), "lastUpdated": instant(now_ms)}
    return {**resource, "meta": {**resource.get("meta", {}), **meta}}


def instant(at_ms: int) -> str:
    """UTC milliseconds as a FHIR instant."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
