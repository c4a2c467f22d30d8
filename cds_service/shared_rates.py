"""Rates counted once for all workers and hosts, in Redis; by each worker's own share while Redis is away.

Beside `rates`, whose rule this is in one atomic step. Loaded only where a Redis is configured.
"""

import hashlib
from math import ceil
from typing import Final

import structlog

from cds_service.metrics import RATES_UNSHARED
from cds_service.rates import Rates
from cds_service.store.quick_redis import QuickRedis
from hooks.errors import TooManyRequests, Unavailable

log = structlog.get_logger()

MINUTE_US: Final = 60_000_000

TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local step = tonumber(ARGV[1])
local free = math.max(now, tonumber(redis.call('GET', KEYS[1]) or now)) + step
local wait = free - now - math.max(tonumber(ARGV[2]), step)
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', math.ceil((free - now) / 1000))
return 0
"""
"""See `Rates.take`; times in microseconds of the clock of Redis, the one clock that all workers share."""


class SharedRates:
    """Requests per minute by name, for all who ask the same Redis. `kind` sets apart names of two kinds."""

    def __init__(self, kind: str, url: str, own: Rates) -> None:
        self._kind = kind
        self._redis = QuickRedis(url)
        self._own = own

    def take(self, name: str, per_minute: int) -> None:
        """See rates.TakesRates; never without a limit, and never a fault where Redis has one."""
        key = b"rate:" + hashlib.sha256(f"{self._kind}:{name}".encode()).digest()
        step_us = max(1, MINUTE_US // per_minute)
        try:
            wait_us = self._redis.ask(lambda redis: redis.eval(TAKE, 1, key, step_us, MINUTE_US))
        except Unavailable as fault:
            RATES_UNSHARED.labels(self._kind).inc()
            if fault.reason == "redis.failed":
                log.warning("rates.unshared", kind=self._kind)
            self._own.take(name, per_minute)
            return
        if wait_us:
            raise TooManyRequests(reason="rate", retry_after_s=ceil(wait_us / 1e6))
