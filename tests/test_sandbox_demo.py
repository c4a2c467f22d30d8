"""`make demo` as a person runs it: addresses, answers, and nothing left behind."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from patience import PATIENCE_S
from sandbox_ehr import Clock, free_port, simulated

from cds_service.sandbox.demo import CannotStart, run_demo
from cds_service.sandbox.demo_state import DemoState, refill
from cds_service.sandbox.search import parse_query
from cds_service.sandbox.storage import Storage
from cds_service.settings import load_settings

PROGRAM = "import sys; from pathlib import Path; from cds_service.sandbox.demo import run_demo; "


def children_of(process_id: int) -> set[int]:
    listed = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    found = {int(child) for child in listed}
    return found.union(*(children_of(child) for child in found)) if found else found


def spoken_until_ready(demo: subprocess.Popen[str]) -> str:
    assert demo.stdout is not None
    spoken = ""
    while "Ctrl-C" not in spoken:
        line = demo.stdout.readline()
        assert line, f"the demonstration ended: {spoken}"
        spoken += line
    return spoken


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_the_demonstration_starts_answers_and_stops_without_leaving_a_process(
    tmp_path: Path, asked: signal.Signals
) -> None:
    service_port, sandbox_port = free_port(), free_port()
    call = f"run_demo({service_port}, {sandbox_port}, Path({str(tmp_path / 'demo')!r}))"
    with subprocess.Popen([sys.executable, "-c", PROGRAM + call], stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert f"http://127.0.0.1:{sandbox_port}/" in spoken_until_ready(demo)
            family = children_of(demo.pid)
            chart = f"http://127.0.0.1:{sandbox_port}/patients/sim-glargine/hooks/patient-view"
            assert requests.post(chart, json={}, timeout=PATIENCE_S).json()["findings"] >= 1
            demo.send_signal(asked)
            assert demo.wait(timeout=PATIENCE_S) == 0
        finally:
            demo.kill()
    assert family and not [child for child in family if Path(f"/proc/{child}").exists()]
    for port in (service_port, sandbox_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Port {port} .* is taken"):
            run_demo(free_port(), port, tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


def test_the_registration_is_one_that_the_service_accepts_and_secrets_are_the_owners_alone(
    tmp_path: Path,
) -> None:
    state = DemoState(tmp_path, "http://127.0.0.1:8000", "http://127.0.0.1:8001")
    settings = load_settings(state.prepare())
    tenant = settings.tenants[0]
    assert tenant.issuer == "http://127.0.0.1:8001" and tenant.client_id == "wearable-cds"
    assert tenant.offers("insulin-adjustment", dosing=True)
    assert settings.secret_key == load_settings(state.prepare()).secret_key
    for name in ("ehr-signing-key.pem", "backend-keys.json", "service-secret"):
        assert stat.S_IMODE(os.stat(tmp_path / name).st_mode) == 0o600  # noqa: PTH116


def test_refilling_replaces_the_simulated_and_keeps_what_was_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.sandbox.demo_state.simulated_patients", lambda now_ms: iter(simulated()))
    storage = Storage(tmp_path / "ehr.sqlite", Clock())
    storage.put({"resourceType": "Patient", "id": "loaded"})
    count = refill(storage)
    old = {"resourceType": "Observation", "id": "old", "subject": {"reference": "Patient/sim-pump"}}
    storage.put(old)
    assert refill(storage) == count
    patients = storage.count(parse_query("Patient", []))
    kept, gone = storage.read("Patient", "loaded"), storage.read("Observation", "old")
    storage.close()
    assert patients == 10 and kept is not None and gone is None
