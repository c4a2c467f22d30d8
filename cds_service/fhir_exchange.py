"""The calls of one FHIR query: with the token, within the byte cap and the deadline, repeated at most once.

Between `fhir_client` (what to ask next) and `egress` (one call).
"""

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from cds_service.addresses import Address
from cds_service.calls import MAX_BYTES, Answer, Call, CallFailed, Server
from cds_service.deadline import Deadline
from cds_service.egress import Egress
from cds_service.smart_auth import AccessToken

MAX_TOTAL_BYTES: Final = 20 * 1024 * 1024
REPEATED: Final = frozenset({429, 502, 503})
PAUSE_S: Final = (0.05, 0.25)
"""The jittered wait before a repetition for which the server named no time."""

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class ByteBudget:
    """How many bytes the pages of one hook call may still take."""

    def __init__(self, total: int = MAX_TOTAL_BYTES) -> None:
        self._left = total
        self._lock = threading.Lock()

    @property
    def next_page(self) -> int:
        """The cap of the next page. Raises CallFailed where nothing is left."""
        if self._left <= 0:
            raise CallFailed("paging.bytes")
        return min(MAX_BYTES, self._left)

    def spend(self, size: int) -> None:
        """Count a page that arrived."""
        with self._lock:
            self._left -= size


@dataclass(frozen=True, slots=True)
class Access:
    """How one EHR is reached during one hook call."""

    egress: Egress
    server: Server
    token: AccessToken | None
    budget: ByteBudget = field(default_factory=ByteBudget)


class Exchange:
    """The calls that answer one query; one of them may be repeated once."""

    def __init__(self, access: Access, deadline: Deadline) -> None:
        self._access = access
        self._deadline = deadline
        self._repeated = False

    def get(self, address: Address) -> Answer:
        """The answer to a GET. Raises CallFailed."""
        return self._send(Call(address, "GET", self._headers(), None, self._access.budget.next_page))

    def post_form(self, address: Address, form: bytes) -> Answer:
        """The answer to a POST of a form. Raises CallFailed."""
        return self._send(Call(address, "POST", self._headers() | _FORM, form, self._access.budget.next_page))

    def _headers(self) -> dict[str, str]:
        token = self._access.token
        if token and not token.is_usable:
            raise CallFailed("token_expired")
        return {"Accept": "application/fhir+json"} | (token.header if token else {})

    def _send(self, call: Call) -> Answer:
        while True:
            try:
                answer = self._access.egress.send(self._access.server, call, self._deadline)
            except CallFailed as failure:
                if not (failure.unanswered and self._may_repeat(None)):
                    raise
                continue
            if answer.status in REPEATED and self._may_repeat(answer):
                continue
            self._access.budget.spend(len(answer.body))
            return answer

    def _may_repeat(self, answer: Answer | None) -> bool:
        """Wait for the one repetition; False where it was used, or where the wait does not fit."""
        stated_s = answer.retry_after_s if answer else None
        pause_s = random.uniform(*PAUSE_S) if stated_s is None else stated_s
        if self._repeated or pause_s >= self._deadline.remaining_s():
            return False
        self._repeated = True
        time.sleep(pause_s)
        return True
