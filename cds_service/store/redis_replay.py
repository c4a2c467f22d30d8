"""Used tokens in Redis, for installations that have one; short timeouts, no retries, a pause after a failure.

Beside `replay`, which says why Redis is never asked alone. Loaded only where a Redis is configured.
"""

from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from cds_service.deadline import Deadline
from cds_service.store.replay import token_hash
from hooks.errors import Unavailable

TIMEOUT_S: Final = 0.15
PAUSE_S: Final = 5.0
"""After a failure Redis is left alone this long, so that an outage does not slow every call."""


class RedisUsedTokens:
    """One `SET NX PX` per token."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=None
        )
        self._pause = Deadline.after(0)

    def first_use(self, issuer: str, token_id: str, until_ms: int, now_ms: int) -> bool:
        """See replay.UsedTokens."""
        if self._pause.remaining_s():
            raise Unavailable(reason="replay.redis")
        name = b"used-token:" + token_hash(issuer, token_id)
        try:
            return bool(self._redis.set(name, b"1", nx=True, px=max(1, until_ms - now_ms)))
        except RedisError as error:
            self._pause = Deadline.after(PAUSE_S)
            raise Unavailable(reason="replay.redis") from error
