"""Whether memory and open files stay flat over many hooks. Run: python tests/benchmarks/soak.py [SECONDS]

One worker, calls one after another with readings of 1 and 14 days in turn, a sample every half minute.
"""

import json
import re
import sys
import tempfile
import time
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).parents[1]))

from load import UNLIMITED, pss_mb
from questions import PATH, question
from served import Served, served

SECONDS = 600.0
SAMPLE_S = 30.0


def rss_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(re.findall(r"^VmRSS:\s+(\d+)", status, re.M)[0]) / 1024


def sample(service: Served, calls: int, began_s: float) -> dict[str, float]:
    """Memory and open files of the worker now."""
    (worker,) = service.workers()
    return {
        "s": round(time.monotonic() - began_s),
        "calls": calls,
        "pss_mb": round(pss_mb(worker), 1),
        "rss_mb": round(rss_mb(worker), 1),
        "files": len(list(Path(f"/proc/{worker}/fd").iterdir())),
    }


def measure(seconds: float = SECONDS) -> dict[str, object]:
    """Samples, statuses, and how much the memory of the last sample is above that after a minute."""
    bodies, samples, wrong, calls = (question(1), question(14)), [], 0, 0
    settings = {"REQUESTS_PER_MINUTE_PER_ADDRESS": "10000000", "LOG_LEVEL": "WARNING"}
    with (
        tempfile.TemporaryDirectory() as folder,
        requests.Session() as session,
        served(Path(folder), "--workers", "1", more=UNLIMITED, **settings) as service,
    ):
        began_s = due_s = time.monotonic()
        while time.monotonic() < began_s + seconds:
            wrong += service.post(PATH, bodies[calls % 2], session).status_code != 200
            calls += 1
            if time.monotonic() >= due_s:
                samples.append(sample(service, calls, began_s))
                due_s += SAMPLE_S
    warm = samples[min(2, len(samples) - 1)]
    growth = round(samples[-1]["rss_mb"] / warm["rss_mb"] - 1, 3)
    return {"calls": calls, "not_200": wrong, "rss_growth_after_a_minute": growth, "samples": samples}


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS), indent=1))
