"""A gunicorn worker that gives a request to a thread only when all of it has arrived.

Slow clients then cost memory and a socket, never a thread: gthread alone is stopped by as many half-sent
requests as it has threads. Chosen in `serve`; relies on the inside of gunicorn 27's ThreadWorker.
"""

import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from selectors import EVENT_READ
from socket import socket
from typing import Any, Final

from gunicorn.http import get_parser
from gunicorn.http.body import MAX_READ_STEP
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import ThreadWorker

from cds_service.request_arrival import RequestArrival

ARRIVES_WITHIN_S: Final = 10.0
"""From the first moment to the last byte: 4 MB at 3.2 Mbit/s."""

HELD_BYTES: Final = 256 * 1024 * 1024
"""Of all unfinished requests of a worker together."""

HELD_CONNECTIONS: Final = 500
"""Half of gunicorn's `worker_connections`; the one that waits longest goes first."""

READ_BYTES: Final = 1024 * 1024
DEFAULT_BODY_LIMIT_BYTES: Final = 16 * 1024 * 1024
TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(slots=True)
class _Waiting:
    conn: Any
    arrival: RequestArrival
    until_s: float


class _ArrivedUnreader(SocketUnreader):  # type: ignore[misc]
    """What gunicorn's parser reads from: headers and body apart, in the steps in which it asks.

    Given in one piece, a body of megabytes would be copied with every header line.
    """

    def __init__(self, sock: socket) -> None:
        super().__init__(sock)
        self._pieces: deque[bytes | memoryview] = deque()

    def give(self, arrival: RequestArrival) -> None:
        """The bytes of a request that is whole."""
        if not arrival.has_large_body:
            self.unread(arrival.octets)
            return
        body = memoryview(arrival.octets)[arrival.body_at :]
        self._pieces.append(bytes(arrival.octets[: arrival.body_at]))
        self._pieces.extend(body[at : at + MAX_READ_STEP] for at in range(0, len(body), MAX_READ_STEP))

    def chunk(self, size_hint: int | None = None) -> Any:
        return self._pieces.popleft() if self._pieces else super().chunk(size_hint)


class WholeRequestWorker(ThreadWorker):  # type: ignore[misc]
    """gthread, with the receiving of requests in the event loop; all of it runs on the main thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[socket, _Waiting] = {}
        self._received = bytearray(READ_BYTES)

    def enqueue_req(self, conn: Any) -> None:
        """A connection may have a request to read: new, kept alive, or with bytes read ahead."""
        limit = getattr(self.app, "body_limit_bytes", DEFAULT_BODY_LIMIT_BYTES)
        waiting = _Waiting(conn, RequestArrival(limit), time.monotonic() + ARRIVES_WITHIN_S)
        if conn.parser is None:
            conn.parser = get_parser(self.cfg, conn.sock, conn.client)
            conn.parser.unreader = _ArrivedUnreader(conn.sock)
            conn.initialized = True
        read_ahead = conn.parser.unreader.take_buffered()
        if read_ahead and waiting.arrival.add(read_ahead):
            self._hand_over(waiting)
            return
        conn.sock.setblocking(False)
        self._waiting[conn.sock] = waiting
        self.poller.register(conn.sock, EVENT_READ, partial(self._read_more, waiting))
        self._keep_within_bounds()

    def murder_pending(self) -> None:
        """Called by the event loop at least once a second: end what takes too long."""
        super().murder_pending()
        now = time.monotonic()
        for waiting in [w for w in self._waiting.values() if w.until_s < now]:
            self._drop(waiting)

    def _read_more(self, waiting: _Waiting, sock: socket) -> None:
        try:
            count = sock.recv_into(self._received)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if not count:
            self._drop(waiting, answer=b"")
        elif waiting.arrival.add(memoryview(self._received)[:count]):
            self._forget(sock)
            self._hand_over(waiting)
        elif waiting.arrival.expects_continue:
            waiting.arrival.expects_continue = False
            sock.send(CONTINUE)
        else:
            self._keep_within_bounds()

    def _hand_over(self, waiting: _Waiting) -> None:
        waiting.conn.data_ready = True
        waiting.conn.parser.unreader.give(waiting.arrival)
        super().enqueue_req(waiting.conn)

    def _keep_within_bounds(self) -> None:
        held = sum(len(waiting.arrival.octets) for waiting in self._waiting.values())
        for waiting in list(self._waiting.values()):
            if held <= HELD_BYTES and len(self._waiting) <= HELD_CONNECTIONS:
                return
            held -= len(waiting.arrival.octets)
            self._drop(waiting)

    def _drop(self, waiting: _Waiting, answer: bytes = TOO_SLOW) -> None:
        self._forget(waiting.conn.sock)
        self.nr_conns -= 1
        if answer and waiting.arrival.octets:
            try:
                waiting.conn.sock.send(answer)
            except OSError as gone:
                self.log.debug("the slow client has gone: %s", gone)
        waiting.conn.close()

    def _forget(self, sock: socket) -> None:
        del self._waiting[sock]
        self.poller.unregister(sock)
