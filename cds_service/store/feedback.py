"""Feedback on cards: committed before it is acknowledged, counted once, a change of mind kept.

Part of `store`; rows FB4 to FB12 and F-29. Cards are entered here when they are given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class GivenCard:
    """A card that left the service."""

    uuid: str
    service: str
    hook_instance: str
    issued_ms: int


@dataclass(frozen=True, slots=True)
class FeedbackItem:
    """What a user did with one card, as the EHR sent it."""

    card: str
    outcome: Literal["accepted", "overridden"]
    outcome_ms: int
    accepted_suggestions: tuple[str, ...] = ()
    reason_code: str | None = None
    reason_system: str | None = None
    reason_display: str | None = None
    user_comment: str | None = None


@dataclass(frozen=True, slots=True)
class FeedbackCounts:
    """What became of one batch: newly stored, already known, and among the new those without a card here."""

    stored: int
    repeated: int
    unmatched: int


class Feedback:
    """The feedback of all tenants; every call names the tenant."""

    def give(self, tenant: str, cards: Sequence[GivenCard]) -> None:
        """Remember cards before they are sent."""
        raise NotImplementedError

    def record(self, tenant: str, service: str, items: Sequence[FeedbackItem], now_ms: int) -> FeedbackCounts:
        """Store a batch; returns only after the commit. Raises Unavailable (503) where it cannot."""
        raise NotImplementedError
