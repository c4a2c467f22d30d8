"""A socket whose every wait ends at one deadline, however the other side lets its bytes drip (C-10, F-02).

The ground of `egress`: a socket's own timeout starts anew with each read.
"""

import socket
from io import BufferedReader, RawIOBase
from typing import Any

from cds_service.deadline import Deadline


class BoundedSocket:
    """The part of a socket that `http.client` uses; `deadline` is set anew for each call."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self.deadline = deadline

    def sendall(self, octets: bytes) -> None:
        """Send all or raise TimeoutError."""
        self._sock.settimeout(self.deadline.wait_s())
        self._sock.sendall(octets)

    def makefile(self, *_: Any) -> BufferedReader:
        """A buffered reader; the socket stays open until it and the connection are both closed."""
        return BufferedReader(_Reader(self, self._sock))

    def fileno(self) -> int:
        """The descriptor, to poll it."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close once all readers are closed."""
        self._sock.close()


class _Reader(RawIOBase):
    def __init__(self, bounded: BoundedSocket, sock: socket.socket) -> None:
        self._bounded = bounded
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._bounded.deadline.wait_s())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
