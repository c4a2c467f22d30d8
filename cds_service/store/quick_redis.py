"""A Redis that may fail: short timeouts, no retries, and a pause after a failure.

Under `redis_replay` and `shared_rates`, which both do without it. Loaded only where a Redis is configured.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from redis import Redis
from redis.exceptions import RedisError

from cds_service.deadline import Deadline
from hooks.errors import Unavailable

TIMEOUT_S: Final = 0.15
PAUSE_S: Final = 5.0
"""After a failure Redis is left alone this long, so that an outage does not slow every call."""

Answer = TypeVar("Answer")


class QuickRedis:
    """One Redis, shared by the threads of a worker."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=None
        )
        self._pause = Deadline.after(0)

    def ask(self, question: Callable[[Redis], Answer]) -> Answer:
        """What Redis answers. Raises Unavailable where it does not, or failed a moment ago."""
        if self._pause.remaining_s():
            raise Unavailable(reason="redis.pause")
        try:
            return question(self._redis)
        except RedisError as error:
            self._pause = Deadline.after(PAUSE_S)
            raise Unavailable(reason="redis.failed") from error
