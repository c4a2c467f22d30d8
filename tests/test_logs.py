"""Log lines of several workers on one output: each is one whole line of JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE_S

WORKERS = 4
LINES = 2_000

WRITING = f"""
import os, structlog
from cds_service.logs import configure_logs

configure_logs("INFO")
for _ in range({WORKERS}):
    if os.fork() == 0:
        log = structlog.get_logger()
        for number in range({LINES}):
            log.info("http.answered", number=number, route="/cds-services/<service_id>", status=200)
        os._exit(0)
for _ in range({WORKERS}):
    os.wait()
"""


@pytest.mark.spec("K-01")
@pytest.mark.parametrize("unbuffered", [(), ("-u",)])
def test_K01_lines_of_workers_that_write_at_the_same_time_do_not_run_into_each_other(
    unbuffered: tuple[str, ...],
) -> None:
    """The text and its end were written one after the other: two events came to stand on one line."""
    ran = subprocess.run(
        [sys.executable, *unbuffered, "-c", WRITING],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True, timeout=PATIENCE_S,
    )  # fmt: skip
    numbers = [json.loads(line)["number"] for line in ran.stdout.splitlines()]
    assert sorted(numbers) == sorted(list(range(LINES)) * WORKERS)
