"""Any bytes as an HTTP request in pieces: judged whole or not, the same whatever the pieces.

Run: python tests/fuzz/request_arrival.py -runs=200000
"""

import sys

import atheris

with atheris.instrument_imports(include=["cds_service.request_arrival"]):
    from cds_service.request_arrival import RequestArrival

LIMIT = 1000
HEADS = (
    b"",
    b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /x HTTP/1.1\r\nContent-Length: ",
)


def one_input(data: bytes) -> None:
    """In one piece and byte by byte: where the whole is not enough, no part of it is."""
    for head in HEADS:
        request = head + data
        whole = RequestArrival(LIMIT).add(request)
        arrival = RequestArrival(LIMIT)
        judged = [arrival.add(request[at : at + 1]) for at in range(len(request))]
        assert whole or not any(judged)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
