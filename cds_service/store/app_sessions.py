"""Sessions of the SMART app: what belongs to one browser's cookie, for any worker to read, for a short time.

Part of `store`. A row is found by the hash of the cookie and opened with a key that is made from the cookie
and our secret: neither the database nor the browser alone can read the access token in it (SM11, CH3).
"""

import hashlib

from cryptography.fernet import MultiFernet
from sqlalchemy import Engine, delete, insert, select

from cds_service.store.database import reading, transaction
from cds_service.store.derived_keys import cipher
from cds_service.store.schema import APP_SESSION


class AppSessions:
    """The sessions of all tenants, by the secret that a cookie holds."""

    def __init__(self, engine: Engine, secret_key: bytes) -> None:
        self._engine = engine
        self._secret_key = secret_key

    def keep(self, secret: str, tenant: str, content: bytes, until_ms: int, now_ms: int) -> None:
        """Begin a session, and forget those that are over. Raises Unavailable (503) where it cannot."""
        row = {
            "id_hash": _hash(secret),
            "tenant": tenant,
            "until_ms": until_ms,
            "content": self._cipher(secret).encrypt(content),
        }
        with transaction(self._engine) as connection:
            connection.execute(delete(APP_SESSION).where(APP_SESSION.c.until_ms <= now_ms))
            connection.execute(insert(APP_SESSION), row)

    def find(self, secret: str, now_ms: int) -> bytes | None:
        """The content of a session that lasts; None where there is none. Raises Unavailable."""
        query = select(APP_SESSION.c.content).where(
            APP_SESSION.c.id_hash == _hash(secret), APP_SESSION.c.until_ms > now_ms
        )
        with reading(self._engine) as connection:
            content = connection.execute(query).scalar_one_or_none()
        return None if content is None else self._cipher(secret).decrypt(content)

    def take(self, secret: str, now_ms: int) -> bytes | None:
        """The content of a session, which ends with this: only one caller gets it. Raises Unavailable."""
        ended = delete(APP_SESSION).where(APP_SESSION.c.id_hash == _hash(secret))
        with transaction(self._engine) as connection:
            row = connection.execute(ended.returning(APP_SESSION.c.content, APP_SESSION.c.until_ms)).first()
        return None if row is None or row.until_ms <= now_ms else self._cipher(secret).decrypt(row.content)

    def _cipher(self, secret: str) -> MultiFernet:
        return cipher(self._secret_key, f"app session {secret}")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
