"""Which standing findings a user was shown of a patient, and when: so the same is not said again at once.

Part of `store`; row H-16. The cards themselves are entered by `feedback`, with the keys that are made here.
"""

from collections.abc import Sequence

from sqlalchemy import Engine, func, select

from cds_service.store.database import reading
from cds_service.store.derived_keys import derive, pseudonym
from cds_service.store.schema import CARD


class ShownFindings:
    """The findings of all tenants; every call names the tenant, and no query does without it."""

    def __init__(self, engine: Engine, secret_key: bytes) -> None:
        self._engine = engine
        self._keys = derive(secret_key, "shown findings")

    def key(self, tenant: str, *said: str) -> str:
        """The key of what was said by whom to whom about whom; nobody can be found from it."""
        return pseudonym(self._keys, "\0".join((tenant, *said)))

    def last_ms(self, tenant: str, keys: Sequence[str], since_ms: int) -> dict[str, int]:
        """When each of these was last shown, for those that were since then. Raises Unavailable."""
        query = (
            select(CARD.c.finding, func.max(CARD.c.issued_ms))
            .where(CARD.c.tenant == tenant, CARD.c.finding.in_(keys), CARD.c.issued_ms > since_ms)
            .group_by(CARD.c.finding)
        )
        with reading(self._engine) as connection:
            return {str(finding): int(shown_ms) for finding, shown_ms in connection.execute(query)}
