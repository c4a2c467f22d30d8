"""Stops calling a server that keeps failing, and asks it again after a while with one call (F-01, F-03).

Used by `egress`, one for each registered server and worker.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

FAILURES: Final = 5
WITHIN_S: Final = 30.0
PAUSE_S: Final = 15.0


class Breaker:
    """Closed while all is well; open after several failures in a short time; then one call decides."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._silent_until_s = float("-inf")
        self._trying = False
        self._lock = threading.Lock()

    def admits(self) -> bool:
        """Whether a call may be made now. While the breaker is being tried, one call at a time."""
        with self._lock:
            if self._clock_s() < self._silent_until_s or self._trying:
                return False
            self._trying = self._is_tripped()
            return True

    def succeeded(self) -> None:
        """The server answered."""
        with self._lock:
            self._failures.clear()
            self._trying = False

    def failed(self) -> None:
        """The server did not answer, or said that it cannot."""
        with self._lock:
            now_s = self._clock_s()
            self._failures.append(now_s)
            if self._trying or self._is_tripped():
                self._silent_until_s = now_s + PAUSE_S
            self._trying = False

    def hold(self, seconds: float) -> None:
        """The server asked to be left alone so long."""
        with self._lock:
            self._silent_until_s = max(self._silent_until_s, self._clock_s() + seconds)

    def _is_tripped(self) -> bool:
        return len(self._failures) == FAILURES and self._failures[-1] - self._failures[0] <= WITHIN_S
