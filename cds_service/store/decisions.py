"""What was decided, from what, with which versions: enough to give the same bytes again from the same input.

Part of `store`. A decision, its cards and its audit line are committed together, before the answer leaves.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Row, insert, select

from cds_service.store.audit import Audit, Event
from cds_service.store.database import reading, transaction
from cds_service.store.derived_keys import cipher
from cds_service.store.feedback import GivenCard, enter_cards
from cds_service.store.schema import DECISION


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One answer: SHA-256 of the whole input, versions of models and limits by name, and the body."""

    id: str
    service: str
    hook_instance: str
    as_of_ms: int
    outcome: str
    input_sha256: str
    versions: Mapping[str, str]
    output: bytes = field(repr=False)


class Decisions:
    """The decisions of all tenants; outputs are encrypted, since cards tell of a patient."""

    def __init__(self, engine: Engine, audit: Audit, secret_key: bytes) -> None:
        self._engine = engine
        self._audit = audit
        self._outputs = cipher(secret_key, "decision outputs")

    def record(self, tenant: str, decision: DecisionRecord, cards: Sequence[GivenCard], event: Event) -> None:
        """Commit a decision with its cards and its audit line. Raises Unavailable (503) where it cannot."""
        row = {
            "tenant": tenant,
            "id": decision.id,
            "service": decision.service,
            "hook_instance": decision.hook_instance,
            "as_of_ms": decision.as_of_ms,
            "outcome": decision.outcome,
            "input_sha256": decision.input_sha256,
            "versions": json.dumps(dict(decision.versions), sort_keys=True),
            "output": self._outputs.encrypt(decision.output),
        }
        with transaction(self._engine) as connection:
            connection.execute(insert(DECISION).values(row))
            enter_cards(connection, tenant, cards)
            self._audit.append_within(connection, tenant, event)

    def find(self, tenant: str, decision_id: str) -> DecisionRecord | None:
        """A decision of this tenant, or None. Raises Unavailable."""
        query = select(DECISION).where(DECISION.c.tenant == tenant, DECISION.c.id == decision_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else self._decision(row)

    def _decision(self, row: Row[Any]) -> DecisionRecord:
        return DecisionRecord(
            id=row.id,
            service=row.service,
            hook_instance=row.hook_instance,
            as_of_ms=row.as_of_ms,
            outcome=row.outcome,
            input_sha256=row.input_sha256,
            versions=json.loads(row.versions),
            output=self._outputs.decrypt(row.output),
        )
