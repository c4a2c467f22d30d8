"""Whether all of an HTTP/1.1 request has arrived yet, judged from its bytes alone.

Asked by `whole_request_worker`, which gives a request to a thread only then. Whatever is odd counts as
whole: gunicorn's parser is the one that refuses it.
"""

import re
from dataclasses import dataclass, field
from typing import Final

HEADERS_LIMIT_BYTES: Final = 65_536
"""Headers that have not ended by then never will; gunicorn's own limits are far below."""

LARGE_BODY_BYTES: Final = 65_536

_END_OF_HEADERS: Final = re.compile(rb"\r?\n\r?\n")
_LENGTH: Final = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d{1,18})[ \t]*\r?$")
_CHUNKED: Final = re.compile(rb"(?im)^transfer-encoding[ \t]*:[ \t]*chunked[ \t]*\r?$")
_FRAMING: Final = re.compile(rb"(?im)^(?:content-length|transfer-encoding)\b")
_EXPECTS: Final = re.compile(rb"(?im)^expect[ \t]*:[ \t]*100-continue[ \t]*\r?$")
_CHUNK_SIZE: Final = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(?:;[^\r\n]*)?")


@dataclass(slots=True)
class RequestArrival:
    """The bytes of one request so far. `expects_continue`: its client waits before it sends the body."""

    body_limit_bytes: int
    octets: bytearray = field(default_factory=bytearray)
    expects_continue: bool = False
    body_at: int = 0
    _needed: int | None = None
    _chunk_at: int | None = None

    @property
    def has_large_body(self) -> bool:
        """Whether the end of its body is known from its headers, and worth handing over by itself."""
        return self._chunk_at is None and (self._needed or 0) - self.body_at > LARGE_BODY_BYTES

    def add(self, more: bytes | memoryview) -> bool:
        """Take more bytes; whether the request is now whole, or needs no waiting for."""
        searched = max(0, len(self.octets) - 3)
        self.octets += more
        if self._needed is None and self._chunk_at is None and not self._read_headers(searched):
            return len(self.octets) > HEADERS_LIMIT_BYTES
        if self._chunk_at is not None:
            return self._chunks_ended()
        return len(self.octets) >= (self._needed or 0)

    def _read_headers(self, searched: int) -> bool:
        """Find the end of the headers, and what they say of the body's end; False where they go on."""
        end = _END_OF_HEADERS.search(self.octets, searched)
        if end is None:
            return False
        head = bytes(self.octets[: end.start() + 1])
        framed = len(_FRAMING.findall(head))
        length, chunked = _LENGTH.search(head), _CHUNKED.search(head)
        self._needed = self.body_at = end.end()
        self.expects_continue = bool(framed and _EXPECTS.search(head))
        if framed == 1 and length and int(length[1]) <= self.body_limit_bytes:
            self._needed += int(length[1])
        elif framed == 1 and chunked:
            self._chunk_at = end.end()
        return True

    def _chunks_ended(self) -> bool:
        """Step from chunk to chunk as far as they came; the last has size 0 and a blank line after it."""
        while (at := self._chunk_at) is not None and at - (self._needed or 0) <= self.body_limit_bytes:
            line_end = self.octets.find(b"\r\n", at)
            if line_end < 0:
                return len(self.octets) - at > HEADERS_LIMIT_BYTES
            size = _CHUNK_SIZE.fullmatch(self.octets, at, line_end)
            if size is None:
                return True
            if int(size[1], 16) == 0:
                return self.octets.find(b"\r\n\r\n", line_end) >= 0
            self._chunk_at = line_end + 2 + int(size[1], 16) + 2
            if self._chunk_at > len(self.octets):
                return self._chunk_at - (self._needed or 0) > self.body_limit_bytes
        return True
