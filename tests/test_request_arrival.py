"""When a request counts as whole: at its last byte, however it comes in pieces, and odd ones at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.request_arrival import HEADERS_LIMIT_BYTES, RequestArrival

LIMIT = 1000
POST = b"POST /cds-services/x HTTP/1.1\r\nHost: cds\r\n"

WHOLE = [
    b"GET /livez HTTP/1.1\r\nHost: cds\r\n\r\n",
    POST + b'Content-Length: 11\r\n\r\n{"a": [1,2]}'[:-1],
    POST + b"content-length:0\r\n\r\n",
    POST + b"CONTENT-LENGTH :  3  \r\nX: y\r\n\r\nabc",
    POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\nTrailer: 1\r\n\r\n",
]
AT_ONCE = {
    "too long": POST + b"Content-Length: 1001\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "no number": POST + b"Content-Length: five\r\n\r\n",
    "negative": POST + b"Content-Length: -5\r\n\r\n",
    "other coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "no chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "chunk too long": POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFF\r\n",
    "bare line feeds": POST + b"Content-Length: 0\n\n",
    "headers without end": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (HEADERS_LIMIT_BYTES // 6 + 1),
}


@pytest.mark.spec("F-A1")
@given(st.sampled_from(WHOLE), st.data())
def test_a_request_is_whole_with_its_last_byte_and_not_before(request: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(request) - 1), max_size=8)))
    arrival = RequestArrival(LIMIT)
    pieces = [request[a:b] for a, b in zip([0, *cuts], [*cuts, len(request)], strict=True)]
    assert [arrival.add(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert bytes(arrival.octets) == request


@pytest.mark.spec("F-A2")
@pytest.mark.parametrize("kind", AT_ONCE)
def test_what_the_parser_will_refuse_is_not_waited_for(kind: str) -> None:
    assert RequestArrival(LIMIT).add(AT_ONCE[kind])


@given(st.binary(max_size=200))
def test_any_bytes_are_judged_without_a_fault(octets: bytes) -> None:
    for head in (b"", POST, POST + b"Transfer-Encoding: chunked\r\n\r\n"):
        assert RequestArrival(LIMIT).add(head + octets) in (True, False)


def test_chunks_that_never_end_are_not_waited_for_beyond_the_limit() -> None:
    arrival = RequestArrival(LIMIT)
    assert not arrival.add(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    assert any(arrival.add(b"64\r\n" + b"x" * 100 + b"\r\n") for _ in range(12))


def test_a_client_that_waits_to_send_its_body_is_known() -> None:
    arrival = RequestArrival(LIMIT)
    assert not arrival.add(POST + b"Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n")
    assert arrival.expects_continue
