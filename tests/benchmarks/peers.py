"""Other people's software on the same input, in processes beside ours: `python -m tests.benchmarks --peers`."""

import json
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import features
import numpy as np
import payload
import requests
from questions import question
from served import HOST, free_port

ROUNDS = 8
READY_WITHIN_S = 60


def measure(python: Path, ours_p50_ms: float) -> dict[str, object]:
    """Its p50 and p99 over HTTP for 14 days, one connection, and how many times ours that is."""
    port, body = free_port(), question(14)
    service = Path(__file__).with_name("healthchain_service.py")
    with subprocess.Popen([python, service, str(port)], stdout=subprocess.DEVNULL) as process:
        try:
            times = _answer_ms(f"http://{HOST}:{port}/cds/cds-services/glucose-review", body)
        finally:
            process.terminate()
    p50, p99 = np.percentile(times, [50, 99])
    return {
        "healthchain_p50_ms": round(float(p50), 1),
        "healthchain_p99_ms": round(float(p99), 1),
        "healthchain_over_hook": round(float(p50) / ours_p50_ms, 1),
    }


def measure_calls(python: Path, record_ms: float, features_ms: float) -> dict[str, object]:
    """The typed path of HealthChain and the metrics of iglu_python on our input, in CPU time, against ours."""
    with TemporaryDirectory() as folder:
        _write_input(Path(folder))
        script = Path(__file__).with_name("peer_calls.py")
        done = subprocess.run([python, script, folder], check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found | {
        "healthchain_typed_over_record": round(found["healthchain_typed_ms"] / record_ms, 1),
        "iglu_python_all_over_features": round(found["iglu_python_all_ms"] / features_ms, 1),
        "iglu_python_basic_over_features": round(found["iglu_python_basic_ms"] / features_ms, 1),
    }


def _write_input(folder: Path) -> None:
    for key, bodies in payload.pages().items():
        (folder / f"{key}.json").write_bytes(bodies[0])
    glucose = features.curve(14)
    rows = [
        f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M:%S},{value:g}"
        for at, value in zip(glucose.at_ms.tolist(), glucose.value.tolist(), strict=True)
    ]
    (folder / "cgm.csv").write_text("\n".join(["time,gl", *rows]) + "\n")


def _answer_ms(url: str, body: bytes) -> list[float]:
    end, times = time.monotonic() + READY_WITHIN_S, []
    headers = {"Content-Type": "application/json"}
    while len(times) < ROUNDS:
        started = time.perf_counter()
        try:
            answer = requests.post(url, data=body, headers=headers, timeout=60)
        except requests.ConnectionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
            continue
        assert answer.status_code == 200 and answer.json()["cards"], answer.text
        times.append(1000 * (time.perf_counter() - started))
    return times[1:]
