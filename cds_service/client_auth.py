"""Verifies the EHR's JWT in nine steps; a failure is `Unauthorized` whose reason code goes to the log alone.

The first thing a call meets in `routes`; stands on `jwks` for keys and `store.replay` for used tokens.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cds_service.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called: the tenant, and the words of the token that a log may hold."""

    tenant: Tenant
    token_id: str
    key_id: str


class Verifier:
    """Checks tokens of all tenants: `Verifier(tenants, keys, replay)`."""

    def verify(self, authorization: Sequence[str], audiences: Collection[str], now_ms: int) -> Caller:
        """The caller behind a request.

        `authorization`: all values of the header Authorization. `audiences`: the public addresses that this
        route answers to, from settings. Raises Unauthorized (401), Unavailable (503: no replay store).
        """
        raise NotImplementedError
