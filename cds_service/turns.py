"""One thread of a worker parses or computes at a time; the others wait for their turn, but not for ever.

Used by `routes.cds_hooks` and the pages of `smart_app` around all work that is not waiting.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cds_service.deadline import Deadline
from hooks.errors import Unavailable


class Turns:
    """More than one at once would only slow each other and the health checks: Python runs one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, deadline: Deadline) -> Iterator[None]:
        """Ours for the length of a block. Raises Unavailable (503) where the deadline comes first."""
        if not self._lock.acquire(timeout=deadline.remaining_s()):
            raise Unavailable(reason="deadline.turn")
        try:
            yield
        finally:
            self._lock.release()
