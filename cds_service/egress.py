"""The one way out: calls registered servers only, without redirects, under byte caps and one deadline.

Under `fhir_client`, `jwks` and `smart_auth`; nothing else in the project opens a connection to a server.
"""

import threading
import time
from collections import deque
from http.client import RemoteDisconnected
from statistics import median
from typing import Final

import structlog

from cds_service.breaker import Breaker
from cds_service.calls import Answer, Call, CallFailed, Server
from cds_service.checked_connection import CheckedConnection, Resolve, failures_named, resolve
from cds_service.deadline import Deadline

IDLE_PER_SERVER: Final = 8
SILENCES: Final = frozenset({"unresolved", "connect", "disconnected", "connection_lost", "timeout"})
OUT_OF_SERVICE: Final = frozenset({502, 503, 504})
BUSY: Final = 429
MAX_HOLD_S: Final = 3600.0
HUNG_UP: Final = (RemoteDisconnected, ConnectionResetError, BrokenPipeError)
"""How a kept connection fails that its server closed; all our calls may be made twice."""

CLOCKS_COMPARED: Final = 5

log = structlog.get_logger()


class Egress:
    """Connections to registered servers, kept open between calls; shared by all threads of a worker."""

    def __init__(self, resolve: Resolve = resolve) -> None:
        self._resolve = resolve
        self._idle: dict[Server, list[CheckedConnection]] = {}
        self._breakers: dict[Server, Breaker] = {}
        self._offsets_s: dict[Server, deque[float]] = {}
        self._lock = threading.Lock()

    def send(self, server: Server, call: Call, deadline: Deadline) -> Answer:
        """The server's answer, whatever its status below 300 or from 400 on. Raises CallFailed."""
        if not server.address.covers(call.address):
            raise CallFailed("egress.denied")
        breaker = self._breaker(server)
        if not breaker.admits():
            raise CallFailed("breaker_open")
        try:
            answer = self._exchange(server, call, deadline)
        except CallFailed as failure:
            (breaker.failed if failure.why in SILENCES else breaker.succeeded)()
            raise
        (breaker.failed if answer.status in OUT_OF_SERVICE else breaker.succeeded)()
        self._note_clock(server, answer)
        if answer.status == BUSY:
            breaker.hold(min(answer.retry_after_s or 0.0, MAX_HOLD_S))
        return answer

    def clock_offset_s(self, server: Server) -> float:
        """How far a server's clock was ahead of ours, by the Dates of its last answers; 0 while unknown."""
        offsets = self._offsets_s.get(server)
        return median(list(offsets)) if offsets else 0.0

    def close(self) -> None:
        """Close what is idle; the next call opens anew."""
        with self._lock:
            idle = [connection for kept in self._idle.values() for connection in kept]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _note_clock(self, server: Server, answer: Answer) -> None:
        if (theirs_s := answer.date_s) is not None:
            with self._lock:
                offsets = self._offsets_s.setdefault(server, deque(maxlen=CLOCKS_COMPARED))
                offsets.append(theirs_s - time.time())

    def _exchange(self, server: Server, call: Call, deadline: Deadline) -> Answer:
        with failures_named():
            kept = self._take_idle(server)
            if kept is not None:
                try:
                    return self._carry(server, kept, call, deadline)
                except HUNG_UP as closed:  # while it was idle, most likely: a new connection tells
                    log.debug("egress.reconnects", kind=type(closed).__name__)
            return self._carry(server, CheckedConnection(server, self._resolve), call, deadline)

    def _carry(self, server: Server, connection: CheckedConnection, call: Call, deadline: Deadline) -> Answer:
        try:
            answer, reusable = connection.exchange(call, deadline)
        except BaseException:
            connection.close()
            raise
        if reusable:
            self._keep(server, connection)
        else:
            connection.close()
        return answer

    def _breaker(self, server: Server) -> Breaker:
        with self._lock:
            return self._breakers.setdefault(server, Breaker())

    def _take_idle(self, server: Server) -> CheckedConnection | None:
        with self._lock:
            idle = self._idle.get(server, [])
            while idle:
                connection = idle.pop()
                if connection.is_quiet():
                    return connection
                connection.close()
        return None

    def _keep(self, server: Server, connection: CheckedConnection) -> None:
        with self._lock:
            idle = self._idle.setdefault(server, [])
            if len(idle) < IDLE_PER_SERVER:
                idle.append(connection)
                return
        connection.close()
