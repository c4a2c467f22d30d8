"""The service under load, as gunicorn runs it: hooks a second, p50 and p99, health beside them, start and stop.

Run: python tests/benchmarks/load.py. Tokens are signed beforehand; one client process with as many threads
as connections, on the same machine, so that it takes its share of the cores too.
"""

import http.client
import json
import re
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from questions import PATH, question
from served import HOST, Served, served

DAYS = (1, 3, 14)
CONNECTIONS = (1, 4)
SECONDS = 4.0
MOST_CALLS = 1500
UNLIMITED = "[tenant.limits]\nrequests_per_minute = 1000000\nconcurrent_requests = 64\n"


def pss_mb(pid: int) -> float:
    """Memory of a process, with its share of what it shares."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    return int(re.findall(r"^Pss:\s+(\d+)", rollup, re.M)[0]) / 1024


def call_ms(service: Served, body: bytes, headers: list[dict[str, str]], until_s: float) -> list[float]:
    """Calls over one connection until the time is up; milliseconds of each."""
    connection, times = http.client.HTTPConnection(HOST, service.port, timeout=30), []
    while headers and time.monotonic() < until_s:
        started = time.perf_counter()
        connection.request("POST", PATH, body, headers.pop())
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        times.append(1000 * (time.perf_counter() - started))
    connection.close()
    return times


def livez_ms(service: Served, stop: threading.Event) -> list[float]:
    """How long /livez takes, twenty times a second, until told to stop."""
    times = []
    while not stop.wait(0.05):
        connection = http.client.HTTPConnection(HOST, service.port, timeout=30)
        started = time.perf_counter()
        connection.request("GET", "/livez")
        connection.getresponse().read()
        times.append(1000 * (time.perf_counter() - started))
        connection.close()
    return times


def under_load(service: Served, body: bytes, connections: int) -> dict[str, float]:
    """Rates and times with so many connections busy at once."""
    signed = [[service.headers(PATH) for _ in range(MOST_CALLS // connections)] for _ in range(connections)]
    call_ms(service, body, [service.headers(PATH) for _ in range(8)], time.monotonic() + SECONDS)
    stop, times, health = threading.Event(), [], []
    until_s, started = time.monotonic() + SECONDS, time.perf_counter()
    threads = [
        threading.Thread(target=lambda mine=mine: times.extend(call_ms(service, body, mine, until_s)))
        for mine in signed
    ]
    watcher = threading.Thread(target=lambda: health.extend(livez_ms(service, stop)))
    for thread in [*threads, watcher]:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.perf_counter() - started
    stop.set()
    watcher.join()
    p50, p99 = np.percentile(times, [50, 99])
    return {
        "hooks_per_s": round(len(times) / took_s, 1),
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
        "p99_over_p50": round(float(p99 / p50), 2),
        "livez_p50_ms": round(float(np.percentile(health, 50)), 2),
        "livez_max_ms": round(max(health), 2),
    }


def serving(workers: int) -> dict[str, object]:
    """All measures of a service with so many workers."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        settings = {"REQUESTS_PER_MINUTE_PER_ADDRESS": "10000000", "LOG_LEVEL": "WARNING"}
        with served(Path(folder), "--workers", str(workers), more=UNLIMITED, **settings) as service:
            ready_s = time.perf_counter() - started
            loads = {
                f"{days}_days_{connections}_connections": under_load(service, question(days), connections)
                for days in DAYS
                for connections in CONNECTIONS
            }
            memory = [round(pss_mb(pid), 1) for pid in service.workers()]
            master = round(pss_mb(service.process.pid), 1)
            stopping = time.perf_counter()
            service.process.send_signal(signal.SIGTERM)
            service.process.wait(30)
            stop_s = time.perf_counter() - stopping
    return {
        "ready_s": round(ready_s, 2),
        "stop_s": round(stop_s, 2),
        "worker_pss_mb": memory,
        "master_pss_mb": master,
        "loads": loads,
    }


def measure() -> dict[str, object]:
    """Everything, and the figures of one worker with one connection and 14 days at the top."""
    by_workers = {workers: serving(workers) for workers in (1, 2)}
    one = by_workers[1]
    return {
        "ready_s": one["ready_s"],
        "stop_s": one["stop_s"],
        "worker_pss_mb": max(one["worker_pss_mb"]),  # type: ignore[call-overload]
        **one["loads"]["14_days_1_connections"],  # type: ignore[index]
        **{f"served_by_{workers}": measured for workers, measured in by_workers.items()},
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
