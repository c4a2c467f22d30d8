"""Used tokens in Redis, for installations that have one.

Beside `replay`, which says why Redis is never asked alone.
"""

from cds_service.store.quick_redis import QuickRedis
from cds_service.store.replay import token_hash


class RedisUsedTokens:
    """One `SET NX PX` per token."""

    def __init__(self, url: str) -> None:
        self._redis = QuickRedis(url)

    def first_use(self, issuer: str, token_id: str, until_ms: int, now_ms: int) -> bool:
        """See replay.UsedTokens."""
        name = b"used-token:" + token_hash(issuer, token_id)
        life_ms = max(1, until_ms - now_ms)
        return bool(self._redis.ask(lambda redis: redis.set(name, b"1", nx=True, px=life_ms)))
