"""The service as it runs: gunicorn with our worker, over real sockets, in front of clients of every kind."""

import http.client
import json
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import served as harness
from patience import PATIENCE_S
from served import HOST, Served, free_port, served

GOLDEN = Path(__file__).with_name("golden") / "glucose-review"
BODY = (GOLDEN / "no-glucose.request.json").read_bytes()
PATH = "/cds-services/glucose-review"
HALF_SENT = 50
QUICK = harness.command(whole_request_worker__ARRIVES_WITHIN_S=2.0, whole_request_worker__HELD_CONNECTIONS=30)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), "--workers", "2") as running:
        yield running


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The same with a short patience, and little room for those who wait."""
    monkeypatch.setattr(harness, "COMMAND", QUICK)
    with served(tmp_path, "--workers", "1") as running:
        yield running


def connect(service: Served, octets: bytes = b"") -> socket.socket:
    client = socket.create_connection((HOST, service.port), timeout=PATIENCE_S)
    client.sendall(octets)
    return client


def head(service: Served, *more: str, length: int | None = len(BODY)) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", f"Host: {HOST}", *more]
    lines += [f"{name}: {value}" for name, value in service.headers(PATH).items()]
    lines += [] if length is None else [f"Content-Length: {length}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def status_of(client: socket.socket) -> int:
    answer = http.client.HTTPResponse(client)
    answer.begin()
    return answer.status


@pytest.mark.spec("F-A1")
@pytest.mark.parametrize("stage", ["nothing", "headers", "body"])
def test_FA1_half_sent_requests_stop_no_good_hook(service: Served, stage: str) -> None:
    sent = {"nothing": b"", "headers": head(service)[:60], "body": head(service) + BODY[:20]}[stage]
    slow = [connect(service, sent) for _ in range(HALF_SENT)]
    try:
        answers = [service.post(PATH, BODY).status_code for _ in range(10)]
        assert answers == [200] * 10
        assert requests.get(f"{service.base}/livez", timeout=PATIENCE_S).ok
    finally:
        for client in slow:
            client.close()


@pytest.mark.spec("F-A1")
def test_FA1_a_request_that_comes_in_pieces_is_answered(service: Served) -> None:
    request = head(service) + BODY
    client = connect(service)
    for start in range(0, len(request), 97):
        client.sendall(request[start : start + 97])
    assert status_of(client) == 200
    client.close()


@pytest.mark.spec("F-A1")
def test_FA1_who_takes_too_long_is_told_and_left(impatient: Served) -> None:
    client = connect(impatient, head(impatient) + BODY[:20])
    assert status_of(client) == 408
    client.close()
    silent = connect(impatient)
    assert silent.recv(1) == b""
    silent.close()


@pytest.mark.spec("F-A1")
def test_FA1_of_too_many_that_wait_the_longest_waiting_goes(impatient: Served) -> None:
    slow = [connect(impatient, b"GET / HT") for _ in range(31)]
    assert status_of(slow[0]) == 408
    for client in slow:
        client.close()


@pytest.mark.spec("B-02")
def test_chunked_and_announced_bodies_are_read(service: Served) -> None:
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(BODY[i : i + 50]), BODY[i : i + 50]) for i in range(0, len(BODY), 50)
    )
    client = connect(
        service, head(service, "Transfer-Encoding: chunked", length=None) + chunks + b"0\r\n\r\n"
    )
    assert status_of(client) == 200
    client.close()
    waiting = connect(service, head(service, "Expect: 100-continue"))
    assert waiting.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    waiting.sendall(BODY)
    assert status_of(waiting) == 200
    waiting.close()


def test_two_requests_sent_together_are_both_answered(service: Served) -> None:
    client = connect(service, (head(service) + BODY) + (head(service) + BODY))
    answers = b""
    while answers.count(b"HTTP/1.1 200 OK") < 2:
        more = client.recv(65536)
        assert more, answers
        answers += more
    client.close()


@pytest.mark.spec("B-02", "RQ12")
def test_B02_a_body_that_declares_too_much_is_refused_before_it_is_sent(service: Served) -> None:
    client = connect(service, head(service, length=16 * 1024 * 1024 + 1))
    assert status_of(client) == 413
    client.close()


SMUGGLED = {
    "length and chunks": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "two lengths": ["Content-Length: 5", "Content-Length: 6"],
    "identity": ["Transfer-Encoding: identity", "Content-Length: 5"],
    "space before colon": ["Content-Length : 5"],
    "folded": ["X-Folded: a\r\n  b", "Content-Length: 5"],
    "no number": ["Content-Length: +5"],
    "null": ["X-Null: a\0b", "Content-Length: 5"],
}


@pytest.mark.spec("F-A2")
@pytest.mark.parametrize("kind", SMUGGLED)
def test_FA2_what_two_servers_could_read_in_two_ways_is_refused(service: Served, kind: str) -> None:
    client = connect(service, head(service, *SMUGGLED[kind], length=None) + b"0\r\n\r\n")
    assert status_of(client) in (400, 501)
    assert client.recv(65536).count(b"HTTP/1.1") <= 1
    client.close()


@pytest.mark.spec("F-A2")
def test_FA2_bare_line_feeds_are_refused(service: Served) -> None:
    client = connect(service, head(service).replace(b"\r\n", b"\n") + BODY)
    assert status_of(client) == 400
    client.close()


@pytest.mark.spec("A-20")
def test_A20_a_header_over_its_limit_is_refused(service: Served) -> None:
    client = connect(service, head(service, "X-Long: " + "x" * 9000) + BODY)
    assert status_of(client) in (400, 431)
    client.close()


@pytest.mark.spec("F-A4")
@pytest.mark.parametrize(
    "path", [f"/{PATH}", f"///{PATH}", f"{PATH}%2f", f"{PATH}%2Ffeedback", f"{PATH}%00", f"{PATH}%5c"]
)
def test_FA4_an_address_with_hidden_or_doubled_slashes_is_nobodys(service: Served, path: str) -> None:
    client = connect(service, head(service).replace(PATH.encode(), path.encode(), 1) + BODY)
    assert status_of(client) == 404
    client.close()


@pytest.mark.spec("F-A2", "B-02")
@pytest.mark.parametrize(
    "chunks", [b"zz\r\n", b"-5\r\nabcde\r\n", b"5\r\nabcdeX0\r\n\r\n", b"1;a\rb\r\nx\r\n"]
)
def test_FA2_a_body_in_broken_chunks_is_refused_and_ends_its_connection(
    service: Served, chunks: bytes
) -> None:
    """It was a fault of ours: 500."""
    framed = head(service).replace(b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked", 1)
    client = connect(service, framed + chunks + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while octets := client.recv(65536):
        answer += octets
    client.close()
    assert answer.startswith(b"HTTP/1.1 400") and answer.count(b"HTTP/1.1") == 1


@pytest.mark.spec("B-01", "F-A4")
def test_B01_deep_nesting_leaves_the_worker_alive(service: Served) -> None:
    workers = service.workers()
    assert service.post(PATH, b'{"hook":' + b"[" * 200_000).status_code == 400
    assert service.workers() == workers


@pytest.mark.spec("F-23")
@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGTERM])
def test_F23_a_reload_or_stop_breaks_no_request_that_was_begun(tmp_path: Path, how: signal.Signals) -> None:
    with served(tmp_path, "--workers", "2") as service:
        waiting = [connect(service, head(service, "Expect: 100-continue")) for _ in range(8)]
        for client in waiting:
            assert client.recv(25).startswith(b"HTTP/1.1 100 Continue")
            client.sendall(BODY[:-1])
        service.process.send_signal(how)
        for client in waiting:
            client.sendall(BODY[-1:])
        answers = [status_of(client) for client in waiting]
        for client in waiting:
            client.close()
        assert answers == [200] * 8
        if how is signal.SIGTERM:
            assert service.process.wait(PATIENCE_S) == 0
        else:
            harness.await_ready(service)
            assert service.post(PATH, BODY).status_code == 200


@pytest.mark.spec("F-23")
def test_F23_readiness_fails_before_anything_is_closed(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2", DRAIN_S="10") as service:
        service.process.send_signal(signal.SIGTERM)
        answers = []
        while not answers or answers[-1] == 200:
            answers.append(requests.get(f"{service.base}/readyz", timeout=PATIENCE_S).status_code)
        assert answers[-1] == 503
        assert service.post(PATH, BODY).status_code == 200
        assert requests.get(f"{service.base}/livez", timeout=PATIENCE_S).ok
        assert service.process.wait(PATIENCE_S) == 0


@pytest.mark.spec("A-16", "JW11")
def test_A16_of_many_copies_at_two_workers_one_gets_in(service: Served) -> None:
    headers = service.headers(PATH)
    answers: list[int] = []

    def send() -> None:
        answers.append(
            requests.post(service.base + PATH, data=BODY, headers=headers, timeout=PATIENCE_S).status_code
        )

    threads = [threading.Thread(target=send) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [401] * 29


def test_metrics_of_all_workers_add_up_on_a_port_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    (tmp_path / "metrics").mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "metrics"))
    with served(tmp_path, "--workers", "2", METRICS_BIND=f"{HOST}:{port}") as service:
        for _ in range(20):
            assert service.post(PATH, BODY).status_code == 200
        assert requests.post(service.base + PATH, timeout=PATIENCE_S).status_code == 401
        assert requests.get(f"{service.base}/metrics", timeout=PATIENCE_S).status_code == 404
        text = requests.get(f"http://{HOST}:{port}/metrics", timeout=PATIENCE_S).text
    counted = re.findall(
        r'cds_requests_total\{method="POST",route="/cds-services/<service_id>",status="200"\} (\S+)', text
    )
    assert [float(count) for count in counted] == [20.0]
    assert 'cds_security_reject_total{reason="jwt.format"} 1.0' in text
    assert 'cds_hook_outcomes_total{outcome="not_assessed",service="glucose-review"} 20.0' in text


def test_metrics_without_a_folder_stop_the_start_with_a_clear_line(tmp_path: Path) -> None:
    expected = pytest.raises(AssertionError, match="PROMETHEUS_MULTIPROC_DIR: a folder is needed")
    with expected, served(tmp_path, METRICS_BIND=f"{HOST}:{free_port()}"):
        pass


@pytest.mark.spec("F-26", "F-25")
def test_F26_a_service_with_wrong_settings_does_not_start(tmp_path: Path) -> None:
    expected = pytest.raises(AssertionError, match=r"DEADLINE_S(.|\n)*LOG_LEVEL")
    with expected, served(tmp_path, DEADLINE_S="900", LOG_LEVEL="LOUD"):
        pass


CANARIES = {
    "name": "Zzyzx-Canary",
    "mrn": "MRN-CANARY-77",
    "patient": "canary-patient-id",
    "bearer": "canary.access.token",
    "comment": "CANARY comment of a user",
    "query": "canary-in-a-query",
    "header": "canary-in-a-header",
}


def canary_calls(service: Served) -> list[str]:
    """Every kind of call with canaries in it; gives all answers, and the hook tokens that were used."""
    asked = json.loads((GOLDEN / "night-lows.request.json").read_text("utf-8").replace('"p1"', f'"{CANARIES["patient"]}"')
                       .replace("Patient/p1", f"Patient/{CANARIES['patient']}"))  # fmt: skip
    asked["prefetch"]["patient"] |= {
        "name": [{"family": CANARIES["name"]}],
        "identifier": [{"value": CANARIES["mrn"]}],
    }
    asked["fhirServer"] = "https://ehr.example.org/fhir"
    asked["fhirAuthorization"] = {
        "access_token": CANARIES["bearer"], "token_type": "Bearer", "expires_in": 300,
        "scope": "patient/*.rs", "subject": "s",
    }  # fmt: skip
    whole = json.dumps(asked).encode()
    said = {
        "card": "8f0f2f3e-0000-4000-8000-000000000000",
        "outcome": "overridden",
        "outcomeTimestamp": "2026-05-15T12:00:01Z",
        "overrideReason": {"userComment": CANARIES["comment"]},
    }
    bodies = [
        whole,
        whole[:-10],
        whole.replace(b'"resourceType": "Bundle"', b'"resourceType": "Zzyzx-Canary"'),
        whole.replace(b'"value": 1', b'"value": "MRN-CANARY-77 1'),
        whole.replace(b"canary-patient-id", b"other-canary-patient-id", 1),
        json.dumps(asked | {"hook": CANARIES["name"]}).encode(),
        json.dumps(asked | {"context": asked["context"] | {"userId": CANARIES["mrn"]}}).encode(),
        json.dumps(asked | {"fhirServer": "https://zzyzx-canary.example/canary-patient-id"}).encode(),
    ]
    answers = [service.post(PATH, body, traceparent=CANARIES["header"]) for body in bodies]
    feedback = f"{PATH}/feedback"
    for item in (said, said | {"outcome": CANARIES["comment"]}, said | {"card": CANARIES["mrn"]}):
        answers.append(service.post(feedback, json.dumps({"feedback": [item]}).encode()))
    forged = f"Bearer {service.token(PATH)}{CANARIES['header']}"
    answers.append(
        requests.post(service.base + PATH, data=whole, headers={"Authorization": forged}, timeout=PATIENCE_S)
    )
    for path in ("/cds-services", "/models/glucose-review", "/nothing", "/livez", "/%0a%1b[31m"):
        answers.append(requests.get(f"{service.base}{path}?p={CANARIES['query']}", timeout=PATIENCE_S))
        answers.append(requests.delete(f"{service.base}{path}/{CANARIES['mrn']}", timeout=PATIENCE_S))
    return [answer.text + str(answer.headers) for answer in answers if answer.status_code != 200]


@pytest.mark.spec("K-01", "K-02", "K-03", "JW15", "X13", "CH3", "FA8", "FB11", "ER3")
def test_K02_nothing_of_a_patient_or_a_token_is_in_logs_refusals_or_files(tmp_path: Path) -> None:
    registered = '[[tenant.fhir_bases]]\nurl = "https://ehr.example.org/fhir"\n'
    with served(tmp_path, "--workers", "1", more=registered, LOG_LEVEL="DEBUG") as service:
        refusals = canary_calls(service)
        used = service.token(PATH)
        requests.post(
            service.base + PATH, data=b"{", headers={"Authorization": f"Bearer {used}"}, timeout=PATIENCE_S
        )
    files = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(refusals) >= 12 and b"hook.answered" in files["log"]
    places = {**files, "refusals": "".join(refusals).encode()}
    hits = [
        (place, kind)
        for place, octets in places.items()
        for kind, canary in {**CANARIES, "jwt": used, "signature": used.rpartition(".")[2]}.items()
        if canary.encode() in octets
    ]
    assert hits == []


@pytest.mark.spec("K-01", "K-03")
def test_K01_every_line_of_the_log_is_one_json_event(tmp_path: Path) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with served(tmp_path, "--workers", "1") as service:
        client = connect(service, b'GET /%0d%0a{"event":"forged"}\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n')
        assert status_of(client) in (400, 404)
        client.close()
        answer = service.post(PATH, BODY, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
        lines = [json.loads(line) for line in service.log.splitlines()]
    events = [line["event"] for line in lines]
    assert "http.answered" in events and "forged" not in events
    answered = [line for line in lines if line.get("request_id") == answer.headers["X-Request-Id"]]
    assert {line["trace_id"] for line in answered} == {trace}
    assert all(line["timestamp"].endswith("Z") for line in answered)


@pytest.mark.spec("F-24")
def test_F24_workers_share_no_connection_and_are_replaced_when_killed(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2") as service:
        before = service.workers()
        os.kill(before[0], signal.SIGKILL)
        answers = [service.post(PATH, BODY).status_code for _ in range(5)]
        assert answers == [200] * 5


def test_the_answer_carries_headers_that_keep_browsers_careful(service: Served) -> None:
    headers: Any = requests.get(f"{service.base}/livez", timeout=PATIENCE_S).headers
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert not re.search(r"\d", headers.get("Server", ""))


@pytest.mark.spec("RQ12")
def test_a_body_of_megabytes_arrives_whole_and_the_connection_serves_on(service: Served) -> None:
    filled = BODY[:1] + b'"extension":{"x":"' + b"y" * 5_000_000 + b'"},' + BODY[1:]
    client = connect(service, head(service, length=len(filled)) + filled + head(service)[:50])
    assert status_of(client) == 200
    client.close()
    with requests.Session() as session:
        assert [service.post(PATH, filled, session).status_code for _ in range(3)] == [200] * 3
