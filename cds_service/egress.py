"""The one way out: calls registered servers only, without redirects, under byte caps and one deadline.

Under `fhir_client`, `jwks` and `smart_auth`; nothing else in the project opens a connection to a server.
The standard library's connections are used bare: sessions of HTTP libraries follow redirects, obey proxy
variables of the environment, inflate bodies, and count their timeouts per read.
"""

import http.client
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from cds_service.addresses import Address
from cds_service.bounded_socket import BoundedSocket
from cds_service.deadline import Deadline
from cds_service.public_addresses import may_connect

MAX_BYTES: Final = 10 * 1024 * 1024
CONNECT_S: Final = 0.5
"""Answer policy 4.1; the rest of a call is bounded by its deadline."""

IDLE_PER_SERVER: Final = 8
_CHUNK: Final = 65536

Resolve = Callable[[str, int], Sequence[str]]


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


def resolve(host: str, port: int) -> Sequence[str]:
    """IP addresses of a host, as the system knows them. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Egress:
    """Connections to registered servers, kept open between calls; shared by all threads of a worker."""

    def __init__(self, resolve: Resolve = resolve) -> None:
        self._resolve = resolve
        self._idle: dict[Server, list[_Connection]] = {}
        self._lock = threading.Lock()

    def send(self, server: Server, call: Call, deadline: Deadline) -> Answer:
        """The server's answer, whatever its status below 300 or from 400 on. Raises CallFailed."""
        if not server.address.covers(call.address):
            raise CallFailed("egress.denied")
        with _failures_named():
            connection = self._take(server)
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

    def close(self) -> None:
        """Close what is idle; the next call opens anew."""
        with self._lock:
            idle = [connection for kept in self._idle.values() for connection in kept]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _take(self, server: Server) -> "_Connection":
        with self._lock:
            idle = self._idle.get(server, [])
            while idle:
                connection = idle.pop()
                if connection.is_quiet():
                    return connection
                connection.close()
        return _Connection(server, self._resolve)

    def _keep(self, server: Server, connection: "_Connection") -> None:
        with self._lock:
            idle = self._idle.setdefault(server, [])
            if len(idle) < IDLE_PER_SERVER:
                idle.append(connection)
                return
        connection.close()


class _Connection(http.client.HTTPConnection):
    """One connection to one server; its name is resolved once, checked, and the checked address is used."""

    sock: BoundedSocket

    def __init__(self, server: Server, resolve: Resolve) -> None:
        super().__init__(server.address.host, server.address.port)
        self._server = server
        self._resolve = resolve
        self._deadline = Deadline.after(0)

    def connect(self) -> None:
        sock = _connect_checked(self._server, self._resolve, self._deadline)
        if self._server.address.scheme == "https":
            sock = _encrypt(sock, self._server, self._deadline)
        self.sock = BoundedSocket(sock, self._deadline)

    def exchange(self, call: Call, deadline: Deadline) -> tuple[Answer, bool]:
        """One call and its whole answer, and whether the connection can serve another."""
        self._deadline = deadline
        if self.sock is not None:
            self.sock.deadline = deadline
        headers = {"Host": call.address.authority, "Accept-Encoding": "identity", **call.headers}
        self.request(call.method, call.address.target, call.body, headers)
        with self.getresponse() as response:
            if 300 <= response.status < 400:
                raise CallFailed("redirect")
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise CallFailed("encoded")
            body = _read(response, call.max_bytes)
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, found, body), not response.will_close

    def is_quiet(self) -> bool:
        """Whether the server has neither closed the idle connection nor sent what nobody asked for."""
        poll = select.poll()
        poll.register(self.sock.fileno(), select.POLLIN)
        return not poll.poll(0)


def _connect_checked(server: Server, resolve: Resolve, deadline: Deadline) -> socket.socket:
    host, port = server.address.host, server.address.port
    try:
        addresses = resolve(host, port)
    except OSError as error:
        raise CallFailed("unresolved", unanswered=True) from error
    checked = [ip for ip in addresses if may_connect(ip, private=server.allow_private)]
    if not checked:
        raise CallFailed("egress.private_address")
    soon = deadline.sooner(CONNECT_S)
    for ip in checked:
        timeout_s = soon.wait_s()
        try:
            sock = socket.create_connection((ip, port), timeout_s)
        except OSError as error:
            refusal = error
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise CallFailed("connect", unanswered=True) from refusal


def _encrypt(sock: socket.socket, server: Server, deadline: Deadline) -> ssl.SSLSocket:
    try:
        sock.settimeout(deadline.wait_s())
        return _tls(server.ca_file).wrap_socket(sock, server_hostname=server.address.host)
    except OSError:
        sock.close()
        raise


def _read(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    total = 0
    while chunk := response.read(_CHUNK):
        total += len(chunk)
        if total > max_bytes:
            raise CallFailed("too_large")
        chunks.append(chunk)
    if response.length:  # what Content-Length promised and did not come
        raise CallFailed("truncated")
    return b"".join(chunks)


@contextmanager
def _failures_named() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise CallFailed("timeout") from error
    except ssl.SSLError as error:
        raise CallFailed("tls") from error
    except http.client.RemoteDisconnected as error:
        raise CallFailed("disconnected", unanswered=True) from error
    except http.client.IncompleteRead as error:
        raise CallFailed("truncated") from error
    except http.client.HTTPException as error:
        raise CallFailed("malformed") from error
    except OSError as error:
        raise CallFailed("connection_lost") from error


@lru_cache(maxsize=64)
def _tls(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or later; certificate and name are checked, by the system's authorities or those of a file."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
