"""An EHR whose behaviour comes from the patient id, over real sockets; it remembers every request it saw."""

import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cds_service.addresses import parse_base
from cds_service.settings import Settings
from cds_service.tenants import FhirBase

LOGIN_PAGE = b"<!doctype html><html><body><form>Sign in</form></body></html>"
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "too-costly"}]}


@dataclass(frozen=True)
class Seen:
    """A request as it arrived. `query` holds the search parameters, of the address or of the form."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]


def observation(number: int, patient: str = "p-ok") -> dict[str, Any]:
    return {
        "resource": {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": "final",
            "subject": {"reference": f"Patient/{patient}"},
        },
        "search": {"mode": "match"},
    }


def bundle(*entries: dict[str, Any], next: str | None = None, **members: Any) -> bytes:
    links = [{"relation": "next", "url": next}] if next else []
    found = {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": list(entries), **members}
    return json.dumps(found).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "FakeEhr"
    answered = 0

    def do_GET(self) -> None:
        self._answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, query: str) -> None:
        parameters = tuple(parse_qsl(query, keep_blank_values=True))
        path = urlsplit(self.path).path
        self.server.seen.append(Seen(self.command, path, parameters, dict(self.headers.items())))
        if page := self.server.script.get((path, parameters)) or self.server.script_any.get(path):
            self.send(page[1], status=page[0])
            return
        if self.command == "POST" and not self.server.takes_post:
            self.send(json.dumps(OUTCOME).encode(), status=405)
            return
        self.patient = dict(parameters).get("patient", path.rpartition("/")[2])
        behave = BEHAVIOURS.get(self.patient, BEHAVIOURS["p-ok"])
        try:
            behave(self, int(dict(parameters).get("page", "1")))
        except OSError:
            self.close_connection = True

    def send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.begin(status, **{"Content-Length": str(len(body)), **_dashed(headers)})
        self.wfile.write(body)

    def begin(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/fhir+json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def observation(self, number: int) -> dict[str, Any]:
        return observation(number, self.patient)

    def page(self, patient: str, number: int) -> str:
        return f"{self.server.base}/Observation?patient={patient}&page={number}"

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.server.date or super().date_time_string(timestamp)

    def log_message(self, *_: Any) -> None:
        """Nothing on the console."""


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _three_pages(h: _Handler, page: int) -> None:
    h.send(bundle(h.observation(page), next=h.page("p-ok", page + 1) if page < 3 else None))


def _status(status: int, body: bytes = b"{}", **headers: str) -> Callable[[_Handler, int], None]:
    return lambda h, page: h.send(body, status=status, **headers)


def _once(status: int, **headers: str) -> Callable[[_Handler, int], None]:
    def behave(h: _Handler, page: int) -> None:
        first = len(h.server.seen) == 1
        h.send(b"{}", status=status, **headers) if first else h.send(bundle(h.observation(1)))

    return behave


def _later(status: int) -> Callable[[_Handler, int], None]:
    def behave(h: _Handler, page: int) -> None:
        h.send(b"{}", status=status) if page > 1 else h.send(
            bundle(h.observation(1), next=h.page(f"p-{status}-later", 2))
        )

    return behave


def _drip(h: _Handler, page: int) -> None:
    h.begin(**{"Content-Length": "1000000"})
    h.server.trickle(h, b" ")


def _drip_headers(h: _Handler, page: int) -> None:
    h.wfile.write(b"HTTP/1.1 200 OK\r\n")
    h.server.trickle(h, b"X-A: b\r\n", limit=90)
    h.server.trickle(h, b"x")


def _hang(h: _Handler, page: int) -> None:
    h.server.stopped.wait()


def _hang_later(h: _Handler, page: int) -> None:
    if page > 2:
        h.server.stopped.wait()
    h.send(bundle(h.observation(page), next=h.page("p-hang-later", page + 1)))


def _reset(h: _Handler, page: int) -> None:
    h.begin(**{"Content-Length": "1000"})
    h.wfile.write(b'{"resourceType": "Bundle", "entry": [')
    h.wfile.flush()
    h.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    h.connection.close()
    h.close_connection = True


def _short(h: _Handler, page: int) -> None:
    body = bundle(h.observation(1))
    h.begin(**{"Content-Length": str(len(body) + 10), "Connection": "close"})
    h.wfile.write(body)


def _hangs_up(h: _Handler, page: int) -> None:
    """Answers once on each connection, and closes it on the next request without a word."""
    if h.answered:
        h.close_connection = True
        return
    h.answered += 1
    h.send(bundle(h.observation(1)))


def _cut(h: _Handler, page: int) -> None:
    h.begin(Connection="close")
    h.wfile.write(bundle(h.observation(1), h.observation(2))[:-40])


def _cut_chunked(h: _Handler, page: int) -> None:
    body = bundle(h.observation(1))
    h.begin(**{"Transfer-Encoding": "chunked", "Connection": "close"})
    h.wfile.write(b"%x\r\n%b\r\n" % (len(body), body))


def _gzip(h: _Handler, page: int) -> None:
    h.send(gzip.compress(bundle(h.observation(1))), Content_Encoding="gzip")


def _endless(h: _Handler, page: int) -> None:
    h.begin(Connection="close")
    while not h.server.stopped.is_set():
        h.wfile.write(b" " * 65536)


def _next(url: str) -> Callable[[_Handler, int], None]:
    return lambda h, page: h.send(
        bundle(h.observation(page), next=url.format(base=h.server.base, page=page + 1))
    )


def _foreign(h: _Handler, page: int) -> None:
    h.send(bundle(h.observation(1), next=f"{h.server.stranger}/Observation?page=2"))


def _redirect(status: int) -> Callable[[_Handler, int], None]:
    return lambda h, page: h.send(b"", status=status, Location=f"{h.server.stranger}/Observation")


def _a_b_a(h: _Handler, page: int) -> None:
    h.send(bundle(h.observation(page), next=h.page("p-aba", 3 - page)))


def _outcome_entry(severity: str) -> Callable[[_Handler, int], None]:
    entry = {
        "resource": {
            "resourceType": "OperationOutcome",
            "issue": [{"severity": severity, "code": "suppressed"}],
        },
        "search": {"mode": "outcome"},
    }
    return lambda h, page: h.send(bundle(h.observation(1), entry))


def _patient(h: _Handler, page: int) -> None:
    h.send(json.dumps({"resourceType": "Patient", "id": "p-read"}).encode())


BEHAVIOURS: dict[str, Callable[[_Handler, int], None]] = {
    "p-ok": _three_pages,
    "p-read": _patient,
    "p-none": lambda h, page: h.send(bundle()),
    "p-429-once": _once(429, Retry_After="0"),
    "p-429-date": _once(429, Retry_After=formatdate(0, usegmt=True)),
    "p-429-junk": _once(429, Retry_After="after lunch"),
    "p-429-hour": _status(429, Retry_After="3600"),
    "p-429": _status(429, Retry_After="0"),
    "p-503-once": _once(503),
    "p-500": _status(500),
    "p-502": _status(502, LOGIN_PAGE, Content_Type="text/html"),
    "p-503": _status(503, Retry_After="0"),
    "p-504": _status(504),
    "p-401": _status(401),
    "p-403": _status(403),
    "p-404": _status(404),
    "p-201": lambda h, page: h.send(bundle(h.observation(1)), status=201),
    "p-401-later": _later(401),
    "p-500-later": _later(500),
    "p-login": _status(200, LOGIN_PAGE, Content_Type="text/html; charset=utf-8"),
    "p-login-untyped": _status(200, LOGIN_PAGE),
    "p-latin-1": _status(200, bundle(observation(1, "p-latin-1"), note="?").replace(b"?", b"\xe9")),
    "p-outcome": _status(200, json.dumps(OUTCOME).encode()),
    "p-wrong-type": _status(200, b'{"resourceType": "Patient"}'),
    "p-warning": _outcome_entry("warning"),
    "p-information": _outcome_entry("information"),
    "p-drip": _drip,
    "p-drip-headers": _drip_headers,
    "p-hang": _hang,
    "p-hang-later": _hang_later,
    "p-reset": _reset,
    "p-hangs-up": _hangs_up,
    "p-short": _short,
    "p-cut": _cut,
    "p-cut-chunked": _cut_chunked,
    "p-total": lambda h, page: h.send(bundle(h.observation(1), total=2)),
    "p-gzip": _gzip,
    "p-endless": _endless,
    "p-loop": _next("{base}/Observation?patient=p-loop"),
    "p-aba": _a_b_a,
    "p-cursor": _next("{base}/Observation?patient=p-cursor&page={page}"),
    "p-foreign": _foreign,
    "p-outside": _next("{base}/../admin?page=2"),
    "p-scheme-relative": _next("//evil.example/Observation"),
    **{f"p-{status}": _redirect(status) for status in (301, 302, 303, 307, 308)},
}


class FakeEhr(ThreadingHTTPServer):
    """The server. `script` and `script_any` override it by path and parameters, or by path alone."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[Seen] = []
        self.script: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[int, bytes]] = {}
        self.script_any: dict[str, tuple[int, bytes]] = {}
        self.takes_post = True
        self.date: str | None = None
        self.stranger = "https://evil.example"
        self.stopped = threading.Event()
        self.port: int = self.server_address[1]
        self.base = f"http://127.0.0.1:{self.port}/fhir"

    def trickle(self, h: _Handler, octets: bytes, limit: int = 1_000_000) -> None:
        """Send the octets again and again, a little at a time, until the other side or the test ends."""
        for _ in range(limit):
            if self.stopped.wait(0.02):
                return
            h.wfile.write(octets)

    def handle_error(self, *_: Any) -> None:
        """Broken connections are what these servers are for."""


@contextmanager
def running() -> Iterator[FakeEhr]:
    """A fake EHR for the length of a block."""
    ehr = FakeEhr()
    threading.Thread(target=ehr.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield ehr
    finally:
        ehr.stopped.set()
        ehr.shutdown()
        ehr.server_close()


def known_to(settings: Settings, fake: FakeEhr, **of_the_tenant: Any) -> Settings:
    """Settings whose one tenant reads from this server; `of_the_tenant` changes more of it."""
    base = FhirBase(parse_base(fake.base, loopback=True), allow_private=True)
    return replace(settings, tenants=(replace(settings.tenants[0], fhir_bases=(base,), **of_the_tenant),))
