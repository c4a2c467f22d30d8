"""A call to another server, its answer, and why there is none: the words of everything that goes out.

Records without behaviour; `egress` carries the calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from cds_service.addresses import Address

MAX_BYTES: Final = 10 * 1024 * 1024


class CallFailed(Exception):
    """A server gave no usable answer. `why` is a word for logs; `unanswered`: it may be tried once more."""

    def __init__(self, why: str, *, unanswered: bool = False) -> None:
        self.why = why
        self.unanswered = unanswered
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Server:
    """A registered place that calls may go to: this address and what lies under it."""

    address: Address
    allow_private: bool = False
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent. Headers and body may hold a token or a patient's id, and show in no `repr`."""

    address: Address
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    max_bytes: int = MAX_BYTES


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """Content-Type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def retry_after_s(self) -> float | None:
        """Seconds to wait by Retry-After, a date counted from the answer's own Date; None if neither."""
        stated = self.headers.get("retry-after", "").strip()
        if stated.isascii() and stated.isdigit():
            return float(stated)
        until_s, since_s = _seconds(stated), self.date_s
        return None if until_s is None or since_s is None else max(0.0, until_s - since_s)

    @property
    def date_s(self) -> float | None:
        """When the server says it answered, in seconds of the epoch; None where it does not say."""
        return _seconds(self.headers.get("date", ""))


def _seconds(http_date: str) -> float | None:
    try:
        return parsedate_to_datetime(http_date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
