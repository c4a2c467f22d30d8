"""Remembers used tokens so that none works twice, over all workers and hosts; in doubt nobody gets in.

The last step of `client_auth` (A-16 to A-18, JW10, JW11).
"""

import hashlib
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection, Engine, delete

from cds_service.store.database import enter, transaction
from cds_service.store.schema import USED_TOKEN
from hooks.errors import Unavailable


class UsedTokens(Protocol):
    """A place that remembers tokens."""

    def first_use(self, issuer: str, token_id: str, until_ms: int, now_ms: int) -> bool:
        """True once per (issuer, token id) until `until_ms`. Raises Unavailable where it cannot tell."""


def token_hash(issuer: str, token_id: str) -> bytes:
    """What is kept of a token: SHA-256 of issuer and id, told apart by their lengths."""
    return hashlib.sha256(f"{len(issuer)}:{issuer}{token_id}".encode()).digest()


class SqlUsedTokens:
    """In the database: one atomic insert."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def first_use(self, issuer: str, token_id: str, until_ms: int, now_ms: int) -> bool:
        """See UsedTokens."""
        hashed = token_hash(issuer, token_id)
        with transaction(self._engine) as connection:
            if hashed[0] == 0:  # once in 256 calls
                _forget_expired(connection, now_ms)
            return enter(connection, USED_TOKEN, {"token_hash": hashed, "until_ms": until_ms})


class AllUsedTokens:
    """In several places at once: each that answers must call the token new, and one must answer.

    Asking only the first that works would let a token in twice whenever the first fails in between.
    """

    def __init__(self, places: Sequence[UsedTokens]) -> None:
        self._places = places

    def first_use(self, issuer: str, token_id: str, until_ms: int, now_ms: int) -> bool:
        """See UsedTokens."""
        answers = []
        for place in self._places:
            try:
                answers.append(place.first_use(issuer, token_id, until_ms, now_ms))
            except Unavailable as error:
                failure = error
        if not answers:
            raise failure
        return all(answers)


def _forget_expired(connection: Connection, now_ms: int) -> None:
    connection.execute(delete(USED_TOKEN).where(USED_TOKEN.c.until_ms < now_ms))
