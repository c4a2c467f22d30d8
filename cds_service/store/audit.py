"""The audit log: one line for each thing done with a patient's data, chained so that no line can be changed.

Part of `store`; rows SE1, K-04. `audit_event` shows the lines as FHIR AuditEvents.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, insert, select

from cds_service.store.database import reading, transaction
from cds_service.store.derived_keys import derive, pseudonym
from cds_service.store.schema import AUDIT

BEGINNING: Final = "0" * 64
"""What stands before the first line of every chain."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done. The patient's id is stored as a pseudonym only.

    `details` are plain values that name no patient: versions, completeness by key, counts, milliseconds.
    """

    at_ms: int
    action: str
    outcome: str
    issuer: str
    user: str | None = None
    patient_id: str | None = field(default=None, repr=False)
    service: str | None = None
    hook: str | None = None
    hook_instance: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain, to be kept elsewhere: with it a chain cut short is found too."""

    sequence: int
    chain_hash: str


@dataclass(frozen=True, slots=True)
class Check:
    """What verifying a chain found: its end, and the first line that does not fit, if any."""

    head: Head
    broken_at: int | None


class Audit:
    """The chains of all tenants."""

    def __init__(self, engine: Engine, secret_key: bytes) -> None:
        self._engine = engine
        self._patients = derive(secret_key, "audit patients")

    def append(self, tenant: str, event: Event) -> None:
        """Add a line; returns after the commit. Raises Unavailable (503) where it cannot."""
        with transaction(self._engine) as connection:
            self.append_within(connection, tenant, event)

    def append_within(self, connection: Connection, tenant: str, event: Event) -> None:
        """Add a line inside a transaction of the caller, who commits it with what it tells of."""
        _take_turn(connection, tenant)
        last = _head(connection, tenant)
        text = json.dumps(self._line(tenant, last.sequence + 1, event), sort_keys=True)
        row = {
            "tenant": tenant,
            "sequence": last.sequence + 1,
            "event": text,
            "chain_hash": _chain(last.chain_hash, text),
        }
        connection.execute(insert(AUDIT), row)

    def verify(self, tenant: str, known: Head | None = None) -> Check:
        """Recompute a tenant's chain; `known` is an end that was kept elsewhere and must still be in it."""
        expected, previous = 1, BEGINNING
        for row in self._rows(tenant):
            previous = _chain(previous, row.event)
            fits = row.sequence == expected and row.chain_hash == previous
            if not fits or (known and known.sequence == expected and known.chain_hash != previous):
                return Check(Head(expected - 1, previous), expected)
            expected += 1
        cut_short = known is not None and known.sequence >= expected
        return Check(Head(expected - 1, previous), expected if cut_short else None)

    def lines(self, tenant: str) -> Iterator[dict[str, Any]]:
        """The lines of a tenant in order, as they were written."""
        return (json.loads(row.event) for row in self._rows(tenant))

    def patient_pseudonym(self, tenant: str, patient_id: str) -> str:
        """The name under which a tenant's patient stands in its chain."""
        return pseudonym(self._patients, f"{tenant}\n{patient_id}")

    def _rows(self, tenant: str) -> Iterator[Any]:
        query = select(AUDIT).where(AUDIT.c.tenant == tenant).order_by(AUDIT.c.sequence)
        with reading(self._engine) as connection:
            yield from connection.execute(query)

    def _line(self, tenant: str, sequence: int, event: Event) -> dict[str, Any]:
        patient = None if event.patient_id is None else self.patient_pseudonym(tenant, event.patient_id)
        return {
            "tenant": tenant,
            "sequence": sequence,
            "at_ms": event.at_ms,
            "action": event.action,
            "outcome": event.outcome,
            "issuer": event.issuer,
            "user": event.user,
            "patient": patient,
            "service": event.service,
            "hook": event.hook,
            "hook_instance": event.hook_instance,
            "details": dict(event.details),
        }


def _chain(previous: str, text: str) -> str:
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def _head(connection: Connection, tenant: str) -> Head:
    query = (
        select(AUDIT.c.sequence, AUDIT.c.chain_hash)
        .where(AUDIT.c.tenant == tenant)
        .order_by(AUDIT.c.sequence.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return Head(row.sequence, row.chain_hash) if row else Head(0, BEGINNING)


def _take_turn(connection: Connection, tenant: str) -> None:
    """One writer per chain at a time; on SQLite each transaction is alone from its beginning."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"audit {tenant}"))))
