"""Feedback on cards: committed before it is acknowledged, counted once, a change of mind kept.

Part of `store`; rows FB4 to FB12 and F-29. Cards are entered here when they are given.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, Row, select

from cds_service.store.database import enter, reading, transaction
from cds_service.store.derived_keys import cipher, derive, pseudonym
from cds_service.store.schema import CARD, FEEDBACK

MAX_COMMENT: Final = 4000
"""Characters of a comment that are kept."""

Outcome = Literal["accepted", "overridden"]


@dataclass(frozen=True, slots=True)
class GivenCard:
    """A card that left the service; `finding` is its key of `shown_findings`, where it has one."""

    uuid: str
    service: str
    hook_instance: str
    issued_ms: int
    finding: str | None = None


@dataclass(frozen=True, slots=True)
class FeedbackItem:
    """What a user did with one card, as the EHR sent it. The comment may hold anything about a patient."""

    card: str
    outcome: Outcome
    outcome_ms: int
    accepted_suggestions: tuple[str, ...] = ()
    reason_code: str | None = None
    reason_system: str | None = None
    reason_display: str | None = None
    user_comment: str | None = None


@dataclass(frozen=True, slots=True)
class FeedbackCounts:
    """What became of one batch: newly stored, known before, and among all those for no card of ours."""

    stored: int
    repeated: int
    unmatched: int


class Feedback:
    """The feedback of all tenants; every call names the tenant, and no query does without it."""

    def __init__(self, engine: Engine, secret_key: bytes) -> None:
        self._engine = engine
        self._comments = cipher(secret_key, "feedback comments")
        self._fingerprints = derive(secret_key, "feedback fingerprints")

    def give(self, tenant: str, cards: Sequence[GivenCard]) -> None:
        """Remember cards before they are sent. Raises Unavailable."""
        with transaction(self._engine) as connection:
            enter_cards(connection, tenant, cards)

    def record(self, tenant: str, service: str, items: Sequence[FeedbackItem], now_ms: int) -> FeedbackCounts:
        """Store a batch; returns only after the commit. Raises Unavailable (503) where it cannot.

        An item that came before is counted, not stored again. A card that this tenant never got from this
        service is stored all the same: nothing tells the caller whether another tenant did (E-02).
        """
        with transaction(self._engine) as connection:
            ours = _known_cards(connection, tenant, service, items)
            rows = [self._row(tenant, service, item, now_ms) for item in items]
            stored = sum(enter(connection, FEEDBACK, row) for row in rows)
        unmatched = sum(item.card not in ours for item in items)
        return FeedbackCounts(stored, len(items) - stored, unmatched)

    def history(self, tenant: str, card: str) -> tuple[FeedbackItem, ...]:
        """All that was said about a card, the latest outcome last."""
        query = (
            select(FEEDBACK)
            .where(FEEDBACK.c.tenant == tenant, FEEDBACK.c.card == card)
            .order_by(FEEDBACK.c.outcome_ms, FEEDBACK.c.received_ms)
        )
        with reading(self._engine) as connection:
            return tuple(self._item(row) for row in connection.execute(query))

    def _row(self, tenant: str, service: str, item: FeedbackItem, now_ms: int) -> dict[str, Any]:
        comment = None if item.user_comment is None else item.user_comment[:MAX_COMMENT].encode()
        return {
            "tenant": tenant,
            "fingerprint": pseudonym(self._fingerprints, json.dumps(asdict(item), sort_keys=True)),
            "service": service,
            "card": item.card,
            "outcome": item.outcome,
            "outcome_ms": item.outcome_ms,
            "accepted_suggestions": json.dumps(item.accepted_suggestions),
            "reason_code": item.reason_code,
            "reason_system": item.reason_system,
            "reason_display": item.reason_display,
            "comment": None if comment is None else self._comments.encrypt(comment),
            "received_ms": now_ms,
        }

    def _item(self, row: Row[Any]) -> FeedbackItem:
        return FeedbackItem(
            card=row.card,
            outcome=row.outcome,
            outcome_ms=row.outcome_ms,
            accepted_suggestions=tuple(json.loads(row.accepted_suggestions)),
            reason_code=row.reason_code,
            reason_system=row.reason_system,
            reason_display=row.reason_display,
            user_comment=None if row.comment is None else self._comments.decrypt(row.comment).decode(),
        )


def enter_cards(connection: Connection, tenant: str, cards: Sequence[GivenCard]) -> None:
    """Enter cards inside a transaction of the caller."""
    for card in cards:
        enter(connection, CARD, {"tenant": tenant, **asdict(card)})


def _known_cards(
    connection: Connection, tenant: str, service: str, items: Sequence[FeedbackItem]
) -> frozenset[str]:
    asked = {item.card for item in items}
    query = select(CARD.c.uuid).where(
        CARD.c.tenant == tenant, CARD.c.service == service, CARD.c.uuid.in_(asked)
    )
    return frozenset(connection.scalars(query))
