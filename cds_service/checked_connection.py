"""One HTTP connection to a registered server: its name resolved once, the address checked, all waits bounded.

Under `egress`. The standard library's connection is used bare: sessions of HTTP libraries follow redirects,
obey proxy variables of the environment, inflate bodies, and count their timeouts per read.
"""

import http.client
import select
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

from cds_service.bounded_socket import BoundedSocket
from cds_service.calls import Answer, Call, CallFailed, Server
from cds_service.deadline import Deadline
from cds_service.public_addresses import may_connect

CONNECT_S: Final = 0.5
"""Answer policy 4.1; the rest of a call is bounded by its deadline."""

_CHUNK: Final = 65536

Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> Sequence[str]:
    """IP addresses of a host, as the system knows them. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class CheckedConnection(http.client.HTTPConnection):
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
def failures_named() -> Iterator[None]:
    """What a connection may raise, as CallFailed."""
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
