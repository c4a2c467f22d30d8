"""HealthChain on the same body, one process beside ours. Asked for with `python -m tests.benchmarks --healthchain`."""

import subprocess
import time
from pathlib import Path

import numpy as np
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
