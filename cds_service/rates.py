"""How often an address may ask, before anything is verified, and how often a tenant may call.

With Redis all workers count together (`shared_rates`). Without, each counts for itself and grants its share:
with N workers an Nth of every rate.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Final, Protocol

from cds_service.settings import Settings
from hooks.errors import TooManyRequests

REMEMBERED: Final = 10_000
"""Names a bucket set keeps; the one not seen for longest goes first, as if it had been quiet."""

MINUTE_S: Final = 60.0
ROUNDING_S: Final = 1e-6
"""Sums of steps differ from the minute by rounding."""


class TakesRates(Protocol):
    """Whoever counts requests."""

    def take(self, name: str, per_minute: int) -> None:
        """Count one request. Raises TooManyRequests saying in how many seconds the next is free."""


class Rates:
    """Requests per minute by name: a full minute's worth at once, then evenly (GCRA, ITU-T I.371)."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic, workers: int = 1) -> None:
        self._clock_s = clock_s
        self._workers = workers
        self._free_at_s: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str, per_minute: int) -> None:
        """See TakesRates."""
        with self._lock:
            now = self._clock_s()
            step_s = MINUTE_S * self._workers / per_minute
            free_at = max(now, self._free_at_s.get(name, now)) + step_s
            wait_s = free_at - now - max(MINUTE_S, step_s) - ROUNDING_S
            if wait_s > 0:
                raise TooManyRequests(reason="rate", retry_after_s=max(1, ceil(wait_s)))
            self._free_at_s[name] = free_at
            self._free_at_s.move_to_end(name)
            if len(self._free_at_s) > REMEMBERED:
                self._free_at_s.popitem(last=False)


def open_rates(settings: Settings, kind: str) -> TakesRates:
    """The rates of names of one kind, shared by all workers where there is a Redis."""
    own = Rates(workers=settings.workers)
    if not settings.redis_url:
        return own
    from cds_service.shared_rates import SharedRates

    return SharedRates(kind, settings.redis_url, own)
