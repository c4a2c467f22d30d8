"""How many calls of one tenant may be in work at once, so that its slow EHR cannot take every thread (F-30).

Used by `routes.cds_hooks` around one hook call; each worker grants its share.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from cds_service.tenants import Tenant
from hooks.errors import TooManyRequests


class Bulkheads:
    """Places for the calls of each tenant; `limits.concurrent_requests` of its registration says how many."""

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._in_work: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, tenant: Tenant) -> Iterator[None]:
        """Take one for the length of a block. Raises TooManyRequests (429) where all are taken."""
        with self._lock:
            if self._in_work[tenant.id] >= ceil(tenant.limits.concurrent_requests / self._workers):
                raise TooManyRequests(reason="tenant.concurrency")
            self._in_work[tenant.id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_work[tenant.id] -= 1
