"""Workers killed without warning while they store feedback: what was acknowledged is there, once."""

import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select

from cds_service.store.feedback import Feedback, FeedbackItem
from cds_service.store.schema import FEEDBACK

pytest_plugins = ["databases"]

KEY = b"k" * 44
WORKERS = 4
ROUNDS = 5
ACKNOWLEDGED_PER_ROUND = 25
ITEM = FeedbackItem("11111111-1111-1111-1111-111111111111", "overridden", 0)

WORKER = """
import sys
from cds_service.store.database import connect
from cds_service.store.feedback import Feedback, FeedbackItem
from hooks.errors import Unavailable

feedback = Feedback(connect(sys.argv[1]), b"k" * 44)
number = int(sys.argv[2])
while True:
    try:
        feedback.record("north", "s", [FeedbackItem("11111111-1111-1111-1111-111111111111", "overridden", number)], 1)
    except Unavailable:
        continue
    print(number, flush=True)
    number += 1
"""


def killed_while_storing(url: str, first: int) -> list[int]:
    """What one worker acknowledged before it was killed in the middle of its work."""
    command = [sys.executable, "-c", WORKER, url, str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        acknowledged = [int(worker.stdout.readline()) for _ in range(ACKNOWLEDGED_PER_ROUND)]
        os.kill(worker.pid, signal.SIGKILL)
        return acknowledged + [int(line) for line in worker.stdout if line.endswith("\n")]


@pytest.mark.spec("F-22")
def test_F22_a_worker_killed_at_any_moment_loses_and_doubles_nothing(
    engine: Engine, database_url: str
) -> None:
    acknowledged: list[int] = []
    for number in range(ROUNDS):
        acknowledged += killed_while_storing(database_url, number * 1_000_000)
    repeated = [replace(ITEM, outcome_ms=number) for number in acknowledged]
    counts = Feedback(engine, KEY).record("north", "s", repeated, 2)
    assert (counts.stored, counts.repeated) == (0, len(acknowledged))
    with engine.connect() as connection:
        stored = Counter(connection.scalars(select(FEEDBACK.c.outcome_ms)))
    assert set(acknowledged) <= stored.keys()
    assert set(stored.values()) == {1}
    assert len(stored) <= len(acknowledged) + ROUNDS  # one stored and not yet acknowledged per kill, at most


@pytest.mark.spec("F-22")
def test_F22_workers_killed_side_by_side_leave_a_sound_database(engine: Engine, database_url: str) -> None:
    commands = [[sys.executable, "-c", WORKER, database_url, str(n * 1_000_000)] for n in range(WORKERS)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    acknowledged: list[int] = []
    for worker in workers:
        assert worker.stdout is not None
        acknowledged += [int(worker.stdout.readline()) for _ in range(ACKNOWLEDGED_PER_ROUND)]
    for worker in workers:
        worker.kill()
    for worker in workers:
        acknowledged += [
            int(line) for line in worker.communicate()[0].splitlines(True) if line.endswith("\n")
        ]
    with engine.connect() as connection:
        stored = Counter(connection.scalars(select(FEEDBACK.c.outcome_ms)))
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("pragma integrity_check").scalar() == "ok"
    assert set(acknowledged) <= stored.keys()
    assert set(stored.values()) == {1}
