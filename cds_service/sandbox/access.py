"""Access tokens that the sandbox issues, and what their SMART scopes allow.

`hook_client` issues one with each hook call; `fhir_server` asks what the bearer may read or write.
"""

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cds_service.scopes import parse_scopes
from hooks.errors import Forbidden, Unauthorized

TOKEN_LIFETIME_S: Final = 300


@dataclass(frozen=True, slots=True)
class Grant:
    """What one token allows: whose data (None: everyone's), which scopes, until when, for which client."""

    scope: str
    client_id: str
    expires_ms: int
    patient: str | None = None

    def require(self, resource_type: str, letter: str) -> None:
        """Raises Forbidden unless some scope gives `letter` (one of c r u d s) on all of this type."""
        for scope in parse_scopes(self.scope):
            if letter in scope.permissions and scope.resource_type in ("*", resource_type) and not scope.only:
                return
        raise Forbidden("The scopes of this token do not cover the request.")


class AccessTokens:
    """Tokens in memory, by digest; they end with the process or their lifetime, whichever comes first."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._grants: dict[str, Grant] = {}

    def issue(
        self, scope: str, client_id: str, patient: str | None = None, lifetime_s: int = TOKEN_LIFETIME_S
    ) -> str:
        """A new token; `patient` is a bare id and confines it to that patient's data."""
        token, now_ms = secrets.token_urlsafe(32), self.clock()
        grant = Grant(scope, client_id, now_ms + lifetime_s * 1000, patient)
        with self._lock:
            self._grants = {key: kept for key, kept in self._grants.items() if kept.expires_ms > now_ms}
            self._grants[_digest(token)] = grant
        return token

    def grant(self, authorization: str) -> Grant:
        """What the header `Authorization` allows. Raises Unauthorized for any token that is not alive."""
        scheme, _, token = authorization.partition(" ")
        found = self._grants.get(_digest(token)) if scheme.lower() == "bearer" else None
        if found is None or found.expires_ms <= self.clock():
            raise Unauthorized("A valid access token is needed.")
        return found


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
