"""Real servers killed, doubled and starved: nothing acknowledged is lost, and no token works twice."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
import requests
from patience import PATIENCE_S
from served import Served, served
from test_served import BODY, PATH

KILLS = 12
ACKNOWLEDGED_BETWEEN = 40
CLIENTS = 8
COPIES = 50
UNLIMITED = "[tenant.limits]\nrequests_per_minute = 1000000\n"


def feedback(number: int) -> bytes:
    """What a user did with a card, each time at another moment."""
    at = datetime.fromtimestamp(1_778_832_000 + number, UTC).isoformat()
    item = {"card": "8f0f2f3e-0000-4000-8000-000000000000", "outcome": "overridden", "outcomeTimestamp": at}
    return json.dumps({"feedback": [item]}).encode()


class Load:
    """Clients that send unique feedback until told to stop, and remember what was acknowledged."""

    def __init__(self, service: Served) -> None:
        self.service = service
        self.numbers = count()
        self.acknowledged: list[int] = []
        self.statuses: Counter[int] = Counter()
        self.some_more = threading.Semaphore(0)
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            number = next(self.numbers)
            try:
                answer = self.service.post(f"{PATH}/feedback", feedback(number))
            except requests.RequestException:
                continue  # its worker was killed: nobody said that it is stored
            self.statuses[answer.status_code] += 1
            if answer.status_code == 200:
                self.acknowledged.append(number)
                self.some_more.release()


@pytest.mark.spec("F-22", "F-24")
def test_F22_killed_workers_lose_and_double_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    limits = {"REQUESTS_PER_MINUTE_PER_ADDRESS": "1000000", "LOG_LEVEL": "ERROR"}
    with served(tmp_path, "--workers", "2", more=UNLIMITED, **limits) as service:
        load = Load(service)
        with ThreadPoolExecutor(CLIENTS) as clients:
            for _ in range(CLIENTS):
                clients.submit(load.run)
            for number in range(KILLS):
                for _ in range(ACKNOWLEDGED_BETWEEN):
                    assert load.some_more.acquire(timeout=PATIENCE_S)
                alive = service.workers()
                os.kill(alive[number % len(alive)], signal.SIGKILL)
            load.stopped.set()
    with closing(sqlite3.connect(tmp_path / "cds.sqlite")) as database:
        rows = database.execute("select outcome_ms from feedback").fetchall()
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    stored = Counter(int(at_ms) // 1000 - 1_778_832_000 for (at_ms,) in rows)
    print(f"{KILLS} kills, {len(load.acknowledged)} acknowledged, {len(rows)} stored, {dict(load.statuses)}")
    assert set(load.acknowledged) <= stored.keys() and set(stored.values()) == {1}
    assert 500 not in load.statuses


@pytest.mark.spec("A-16", "JW11")
def test_A16_of_many_copies_at_two_servers_one_gets_in(tmp_path: Path) -> None:
    with (
        served(tmp_path, "--workers", "2") as first,
        served(tmp_path, "--workers", "2", beside=first) as second,
    ):
        headers = first.headers(PATH)

        def send(number: int) -> int:
            base = (first, second)[number % 2].base
            return requests.post(base + PATH, data=BODY, headers=headers, timeout=PATIENCE_S).status_code

        with ThreadPoolExecutor(COPIES) as copies:
            answers = Counter(copies.map(send, range(COPIES)))
    assert answers == {200: 1, 401: COPIES - 1}


@pytest.mark.spec("A-22")
def test_A22_refusals_for_every_reason_are_the_same_bytes_on_the_wire(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "1") as service:
        used = service.headers(PATH)
        assert requests.post(service.base + PATH, data=BODY, headers=used, timeout=PATIENCE_S).ok
        wrong = [
            used,
            {"Authorization": f"Bearer {service.token(PATH, iss='https://nobody.example')}"},
            {"Authorization": f"Bearer {service.token(PATH)[:-8]}AAAAAAAA"},
            {"Authorization": f"Bearer {service.token(PATH, exp=1)}"},
            {"Authorization": "Bearer x"},
            {},
        ]
        answers = [
            requests.post(service.base + PATH, data=BODY, headers=headers, timeout=PATIENCE_S)
            for headers in wrong
        ]
    told = {answer.text.replace(answer.headers["X-Request-Id"], "") for answer in answers}
    assert [answer.status_code for answer in answers] == [401] * len(wrong) and len(told) == 1
    assert len({frozenset(answer.headers) for answer in answers}) == 1


@pytest.mark.spec("F-A1")
@pytest.mark.parametrize("attack", ["-H", "-B", "-X"])
def test_FA1_slowhttptest_stops_no_good_hook(tmp_path: Path, attack: str) -> None:
    program = shutil.which("slowhttptest")
    if program is None:
        pytest.skip("slowhttptest is absent")
    limits = {"REQUESTS_PER_MINUTE_PER_ADDRESS": "1000000"}
    with served(tmp_path, "--workers", "2", more=UNLIMITED, **limits) as service:
        command = [
            program,
            attack,
            "-c",
            "300",
            "-r",
            "150",
            "-l",
            "5",
            "-i",
            "2",
            "-u",
            f"{service.base}{PATH}",
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as attacker:
            answers = []
            while attacker.poll() is None:
                answers.append(service.post(PATH, BODY).status_code)
        assert service.post(PATH, BODY).status_code == 200
    assert answers and set(answers) == {200}
