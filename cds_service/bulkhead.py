"""How many calls of one tenant may be in work at once, so that its slow EHR cannot take every thread (F-30).

Used by `routes.cds_hooks` around one hook call; counted per worker.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from cds_service.tenants import Tenant
from hooks.errors import TooManyRequests


class Bulkheads:
    """Places for the calls of each tenant; `limits.concurrent_requests` of its registration says how many."""

    def __init__(self) -> None:
        self._in_work: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, tenant: Tenant) -> Iterator[None]:
        """Take one for the length of a block. Raises TooManyRequests (429) where all are taken."""
        with self._lock:
            if self._in_work[tenant.id] >= tenant.limits.concurrent_requests:
                raise TooManyRequests(reason="tenant.concurrency")
            self._in_work[tenant.id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_work[tenant.id] -= 1
