"""What was decided, from what, with which versions: enough to give the same bytes again from the same input.

Part of `store`. A decision, its cards and its audit line are committed together, before the answer leaves.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Row, Select, and_, insert, select

from cds_service.store.audit import Audit, Event
from cds_service.store.database import reading, transaction
from cds_service.store.derived_keys import cipher
from cds_service.store.feedback import GivenCard, enter_cards
from cds_service.store.schema import CARD, DECISION


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One answer: SHA-256 of the whole input, versions of models and limits by name, and the body.

    `circumstances` and `input` are in the form of `recorded_input`; the latter only where a tenant wants it.
    """

    id: str
    service: str
    hook_instance: str
    as_of_ms: int
    outcome: str
    input_sha256: str
    versions: Mapping[str, str]
    output: bytes = field(repr=False)
    circumstances: str = field(default="", repr=False)
    input: bytes | None = field(default=None, repr=False)


class Decisions:
    """The decisions of all tenants; outputs and inputs are encrypted, since they tell of a patient."""

    def __init__(self, engine: Engine, audit: Audit, secret_key: bytes) -> None:
        self._engine = engine
        self._audit = audit
        self._outputs = cipher(secret_key, "decision outputs")
        self._inputs = cipher(secret_key, "decision inputs")

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
            "circumstances": decision.circumstances,
            "input": None if decision.input is None else self._inputs.encrypt(decision.input),
        }
        with transaction(self._engine) as connection:
            connection.execute(insert(DECISION), row)
            enter_cards(connection, tenant, cards)
            self._audit.append_within(connection, tenant, event)

    def find(self, tenant: str, id: str) -> DecisionRecord | None:
        """A decision of this tenant by its id or that of one of its cards, or None. Raises Unavailable."""
        query = select(DECISION).where(DECISION.c.tenant == tenant, DECISION.c.id == id)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
            if row is not None:
                return self._decision(row)
            made = [self._decision(row) for row in connection.execute(_around_card(tenant, id))]
        return next((decision for decision in made if id.encode() in decision.output), None)

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
            circumstances=row.circumstances,
            input=None if row.input is None else self._inputs.decrypt(row.input),
        )


def _around_card(tenant: str, card: str) -> Select[Any]:
    """The decisions for the hook instance and at the moment of a card: one, but for a client's mistakes."""
    same = and_(
        CARD.c.tenant == DECISION.c.tenant,
        CARD.c.service == DECISION.c.service,
        CARD.c.hook_instance == DECISION.c.hook_instance,
        CARD.c.issued_ms == DECISION.c.as_of_ms,
    )
    return select(DECISION).join(CARD, same).where(DECISION.c.tenant == tenant, CARD.c.uuid == card)
