"""One thread of a worker parses or computes at a time; the others wait for their turn, but not for ever.

Used by `routes.cds_hooks` and the pages of `smart_app` around all work that is not waiting.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cds_service.deadline import Deadline
from hooks.errors import Unavailable

LONG_S: Final = 0.05
"""Who computes for longer lets others go first now and then: most calls take less."""


class Turns:
    """More than one at once would only slow each other and the health checks: Python runs one at a time.

    Of those who wait one is next: it holds `_next` until it has its turn, so that who gives way cannot take
    the turn back at once.
    """

    def __init__(self) -> None:
        self._now = threading.Lock()
        self._next = threading.Lock()
        self._since_s = 0.0

    @contextmanager
    def turn(self, deadline: Deadline) -> Iterator[None]:
        """Ours for the length of a block. Raises Unavailable (503) where the deadline comes first."""
        _acquire(self._next, deadline)
        try:
            _acquire(self._now, deadline)
        finally:
            self._next.release()
        self._since_s = time.monotonic()
        try:
            yield
        finally:
            self._now.release()

    def give_way(self) -> None:
        """For whoever has the turn, between two pieces of work: one who waits goes first if it got long."""
        if self._next.locked() and time.monotonic() - self._since_s > LONG_S:
            self._now.release()
            with self._next:
                self._now.acquire()
            self._since_s = time.monotonic()


def _acquire(lock: threading.Lock, deadline: Deadline) -> None:
    if not lock.acquire(timeout=deadline.remaining_s()):
        raise Unavailable(reason="deadline.turn")
