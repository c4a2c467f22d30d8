"""One moment by which an answer must be out, carried through everything that waits.

Made in `routes` per request; `egress` and `fhir_client` never wait past it, nor does `pipeline` compute.
"""

import time
from dataclasses import dataclass

from hooks.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock after which nobody waits or works any more."""

    at_s: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at_s - time.monotonic())

    def sooner(self, seconds: float) -> "Deadline":
        """The earlier of this deadline and that many seconds from now."""
        return Deadline(min(self.at_s, time.monotonic() + seconds))

    def earlier(self, seconds: float) -> "Deadline":
        """That many seconds before this deadline."""
        return Deadline(self.at_s - seconds)

    def check(self) -> None:
        """For work in which nobody waits: raises Unavailable (503) once the deadline has passed."""
        if time.monotonic() > self.at_s:
            raise Unavailable(reason="deadline.computing")

    def wait_s(self) -> float:
        """How long a blocking call may still take. Raises TimeoutError where nothing is left."""
        left = self.remaining_s()
        if left <= 0.0:
            raise TimeoutError
        return left
