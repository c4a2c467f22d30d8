"""The way out: what is not registered is not reached, and no server can hold, flood or lead us elsewhere."""

import datetime
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fake_ehr import FakeEhr, running
from patience import PATIENCE_S

from cds_service.addresses import Address, parse_address
from cds_service.calls import Call, CallFailed, Server
from cds_service.deadline import Deadline
from cds_service.egress import Egress
from cds_service.public_addresses import may_connect

SHORT = 0.3


@pytest.fixture
def ehr() -> Iterator[FakeEhr]:
    with running() as ehr:
        yield ehr


@pytest.fixture
def egress() -> Iterator[Egress]:
    egress = Egress()
    yield egress
    egress.close()


@pytest.fixture
def stranger(ehr: FakeEhr) -> Iterator[FakeEhr]:
    with running() as stranger:
        ehr.stranger = stranger.base
        yield stranger


def server_of(ehr: FakeEhr) -> Server:
    return Server(parse_address(ehr.base), allow_private=True)


def observations(ehr: FakeEhr, patient: str) -> Address:
    return parse_address(f"{ehr.base}/Observation?patient={patient}")


def why(egress: Egress, ehr: FakeEhr, patient: str, seconds: float = PATIENCE_S, **call: Any) -> str:
    with pytest.raises(CallFailed) as caught:
        egress.send(server_of(ehr), Call(observations(ehr, patient), **call), Deadline.after(seconds))
    return caught.value.why


def test_an_answer_comes_back_whole_and_the_connection_serves_again(egress: Egress, ehr: FakeEhr) -> None:
    peers = set()
    for _ in range(3):
        answer = egress.send(server_of(ehr), Call(observations(ehr, "p-ok")), Deadline.after(PATIENCE_S))
        assert (answer.status, answer.media_type) == (200, "application/fhir+json")
        peers.add(len(ehr.seen))
    assert peers == {1, 2, 3}
    assert len(egress._idle[server_of(ehr)]) == 1


@pytest.mark.spec("C-01", "C-05")
def test_C01_what_no_registered_server_covers_is_not_called(
    egress: Egress, ehr: FakeEhr, stranger: FakeEhr
) -> None:
    for address in (f"{stranger.base}/Observation", f"http://127.0.0.1:{ehr.port}/admin"):
        with pytest.raises(CallFailed) as caught:
            egress.send(server_of(ehr), Call(parse_address(address)), Deadline.after(PATIENCE_S))
        assert caught.value.why == "egress.denied"
    assert ehr.seen == stranger.seen == []


@pytest.mark.spec("C-06", "FA6")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_C06_a_redirect_is_a_failure_and_the_token_goes_nowhere(
    egress: Egress, ehr: FakeEhr, stranger: FakeEhr, status: int
) -> None:
    assert why(egress, ehr, f"p-{status}", headers={"Authorization": "Bearer secret"}) == "redirect"
    assert stranger.seen == []


@pytest.mark.spec("C-10")
@pytest.mark.parametrize(("patient", "reason"), [("p-gzip", "encoded"), ("p-endless", "too_large")])
def test_C10_compressed_and_endless_bodies_are_refused(
    egress: Egress, ehr: FakeEhr, patient: str, reason: str
) -> None:
    assert why(egress, ehr, patient) == reason
    assert ehr.seen[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.spec("C-10", "F-02")
@pytest.mark.parametrize("patient", ["p-hang", "p-drip", "p-drip-headers"])
def test_C10_F02_no_drip_keeps_a_call_beyond_its_deadline(egress: Egress, ehr: FakeEhr, patient: str) -> None:
    deadline = Deadline.after(SHORT)
    with pytest.raises(CallFailed) as caught:
        egress.send(server_of(ehr), Call(observations(ehr, patient)), deadline)
    assert caught.value.why == "timeout"
    assert deadline.remaining_s() == 0


@pytest.mark.spec("C-10")
def test_C10_endless_headers_are_refused(egress: Egress, ehr: FakeEhr) -> None:
    class Chatty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n")

        def log_message(self, *_: Any) -> None:
            """Nothing on the console."""

    with serving(Chatty) as port:
        server = Server(parse_address(f"http://127.0.0.1:{port}"), allow_private=True)
        with pytest.raises(CallFailed) as caught:
            egress.send(server, Call(server.address), Deadline.after(PATIENCE_S))
    assert caught.value.why == "malformed"


@pytest.mark.spec("F-05")
@pytest.mark.parametrize(
    ("patient", "reason"),
    [("p-reset", "connection_lost"), ("p-short", "truncated"), ("p-cut-chunked", "truncated")],
)
def test_F05_a_body_that_ends_early_is_a_failure(
    egress: Egress, ehr: FakeEhr, patient: str, reason: str
) -> None:
    assert why(egress, ehr, patient) == reason


@pytest.mark.spec("F-01")
def test_F01_a_refused_connection_is_a_failure_that_may_be_repeated(egress: Egress, ehr: FakeEhr) -> None:
    gone = Server(parse_address("http://127.0.0.1:1/fhir"), allow_private=True)
    with pytest.raises(CallFailed) as caught:
        egress.send(gone, Call(gone.address), Deadline.after(PATIENCE_S))
    assert (caught.value.why, caught.value.unanswered) == ("connect", True)


def test_a_call_after_its_deadline_is_not_made(egress: Egress, ehr: FakeEhr) -> None:
    assert why(egress, ehr, "p-ok", seconds=0.0) == "timeout"
    assert ehr.seen == []


@pytest.mark.spec("C-04")
def test_C04_a_name_that_moves_inside_later_is_not_followed(ehr: FakeEhr) -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"], ["::ffff:10.0.0.1"]])
    asked = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    address = parse_address(f"http://ehr.example:{ehr.port}/fhir")
    inside = Server(address, allow_private=True)
    with closing(Egress(rebinding)) as egress:
        assert (
            egress.send(inside, Call(address.under("Observation")), Deadline.after(PATIENCE_S)).status == 200
        )
    assert ehr.seen[0].headers["Host"] == f"ehr.example:{ehr.port}"
    for server in (inside, Server(address), Server(address)):
        with closing(Egress(rebinding)) as egress, pytest.raises(CallFailed) as caught:
            egress.send(server, Call(address), Deadline.after(PATIENCE_S))
        assert caught.value.why == "egress.private_address"
    assert asked == ["ehr.example"] * 4


@pytest.mark.spec("C-04")
@pytest.mark.parametrize(
    ("ip", "public", "private"),
    [
        ("93.184.215.14", True, True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True, True),
        ("10.1.2.3", False, True),
        ("192.168.1.1", False, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("fd00::1", False, True),
        ("::ffff:10.0.0.1", False, True),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("0.0.0.0", False, False),
        ("::", False, False),
        ("224.0.0.1", False, False),
        ("ff02::1", False, False),
    ],
)
def test_C04_addresses_inside_need_permission_and_some_are_never_reached(
    ip: str, public: bool, private: bool
) -> None:
    assert may_connect(ip, private=False) is public
    assert may_connect(ip, private=True) is private


@pytest.mark.spec("C-12")
def test_C12_proxy_variables_of_the_environment_are_ignored(
    egress: Egress, ehr: FakeEhr, stranger: FakeEhr, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{stranger.port}")
    monkeypatch.setenv("NO_PROXY", "")
    assert (
        egress.send(server_of(ehr), Call(observations(ehr, "p-ok")), Deadline.after(PATIENCE_S)).status == 200
    )
    assert stranger.seen == []


def test_neither_token_nor_patient_shows_in_a_representation(egress: Egress, ehr: FakeEhr) -> None:
    call = Call(parse_address(ehr.base), headers={"Authorization": "Bearer canary"}, body=b"patient=canary")
    answer = egress.send(server_of(ehr), Call(observations(ehr, "p-read")), Deadline.after(PATIENCE_S))
    assert "canary" not in repr(call)
    assert "Patient" not in repr(answer)


# TLS


class Fine(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Nothing on the console."""


class serving:  # noqa: N801 - reads as a sentence
    """A server of one handler, over TLS where a context is given."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign, assignment]
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> int:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return int(self._server.server_address[1])

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def certificate(folder: Path, name: str, days: int = 1) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for a name, as a file to trust and a context to serve with."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    alternative = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - datetime.timedelta(days=30))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, whole = folder / "ca.pem", folder / "server.pem"
    trusted.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    whole.write_bytes(private + trusted.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(whole)
    return trusted, context


@pytest.mark.spec("C-11", "TL1")
@pytest.mark.parametrize("fault", ["none", "unknown authority", "wrong name", "expired", "old protocol"])
def test_C11_TL1_only_a_valid_certificate_of_a_known_authority_is_trusted(
    egress: Egress, tmp_path: Path, fault: str
) -> None:
    name = "198.51.100.7" if fault == "wrong name" else "127.0.0.1"
    trusted, context = certificate(tmp_path, name, days=-1 if fault == "expired" else 1)
    if fault == "old protocol":
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(Fine, context) as port:
        server = Server(parse_address(f"https://127.0.0.1:{port}"), allow_private=True, ca_file=trusted)
        if fault == "unknown authority":
            server = replace(server, ca_file=None)
        if fault == "none":
            assert egress.send(server, Call(server.address), Deadline.after(PATIENCE_S)).body == b"{}"
            return
        with pytest.raises(CallFailed) as caught:
            egress.send(server, Call(server.address), Deadline.after(PATIENCE_S))
    assert caught.value.why == "tls"


def test_an_idle_connection_that_the_server_closed_is_not_used_again(egress: Egress, ehr: FakeEhr) -> None:
    egress.send(server_of(ehr), Call(observations(ehr, "p-ok")), Deadline.after(PATIENCE_S))
    (idle,) = egress._idle[server_of(ehr)]
    idle.sock._sock.shutdown(2)
    assert (
        egress.send(server_of(ehr), Call(observations(ehr, "p-ok")), Deadline.after(PATIENCE_S)).status == 200
    )


@pytest.mark.spec("F-05")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_F05_a_kept_connection_that_the_server_hangs_up_on_is_replaced_once(
    egress: Egress, ehr: FakeEhr, method: str
) -> None:
    address, body = observations(ehr, "p-hangs-up"), b"patient=p-hangs-up" if method == "POST" else None
    call = Call(address, method, body=body)
    answers = [egress.send(server_of(ehr), call, Deadline.after(PATIENCE_S)).status for _ in range(2)]
    assert answers == [200, 200] and len(ehr.seen) == 3
