"""A tenant that asks for far more than its share of a served process, beside one that asks for little."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import requests
from served import Served

PATH: Final = "/cds-services/glucose-review"
BODY: Final = (Path(__file__).with_name("golden") / "glucose-review" / "no-glucose.request.json").read_bytes()
NEIGHBOUR: Final = "https://neighbour.example"
CLIENTS: Final = 4
RATE_PER_MINUTE: Final = 60
BOTH: Final = f"""
[tenant.limits]
requests_per_minute = {RATE_PER_MINUTE}
concurrent_requests = 2

[[tenant]]
id = "neighbour"
issuer = "{NEIGHBOUR}"
jwks_file = "jwks.json"
titration_table = "ada-basal"
zone = "Europe/Berlin"

[tenant.limits]
requests_per_minute = 1000000
"""
"""For `more` of `served`: the first tenant, which will be noisy, gets few calls a minute."""


@contextmanager
def noise(service: Served, pause_s: float = 0.0) -> Iterator[Counter[int]]:
    """The first tenant calls for the length of a block, each client with a pause; its statuses are counted."""
    statuses: Counter[int] = Counter()
    over = threading.Event()

    def call() -> None:
        with requests.Session() as session:
            while not over.wait(pause_s):
                statuses[service.post(PATH, BODY, session).status_code] += 1

    threads = [threading.Thread(target=call) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        over.set()
        for thread in threads:
            thread.join()


def ask_as_neighbour(service: Served) -> tuple[int, float]:
    """The status of one call of the quiet tenant, and how many milliseconds it took."""
    authorization = f"Bearer {service.token(PATH, iss=NEIGHBOUR)}"
    started = time.perf_counter()
    answer = service.post(PATH, BODY, Authorization=authorization)
    return answer.status_code, (time.perf_counter() - started) * 1000
