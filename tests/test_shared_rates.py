"""Rates that all workers and hosts count together in a real Redis, and what holds while it is away."""

import signal
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import served as harness
from patience import PATIENCE_S, REDIS_WITHIN_S
from prometheus_client import REGISTRY
from served import served
from test_served import BODY, PATH

from cds_service.rates import Rates
from hooks.errors import TooManyRequests

pytest.importorskip("redis", reason="the Redis client is absent")

from cds_service.shared_rates import SharedRates

pytest_plugins = ["databases"]

RedisServer = tuple[str, subprocess.Popen[str]]

NOBODY = "redis://127.0.0.1:1"


def shared(url: str, kind: str = "tenant", workers: int = 1) -> SharedRates:
    return SharedRates(kind, url, Rates(lambda: 0.0, workers))


def granted(rates: SharedRates, name: str, per_minute: int, asked: int) -> int:
    """How many of so many requests are let through; the others are told to come back within a minute."""
    count = 0
    for _ in range(asked):
        try:
            rates.take(name, per_minute)
            count += 1
        except TooManyRequests as refusal:
            assert refusal.retry_after_s is not None and 1 <= refusal.retry_after_s <= 60
    return count


def counted_alone(kind: str) -> float:
    return REGISTRY.get_sample_value("cds_rates_unshared_total", {"kind": kind}) or 0.0


@pytest.mark.spec("F-A3")
@pytest.mark.parametrize("per_minute", [1, 3, 7])
def test_FA3_two_workers_together_grant_the_rate_once(redis_server: RedisServer, per_minute: int) -> None:
    first, second = shared(redis_server[0]), shared(redis_server[0])
    both = [granted(rates, "north", per_minute, 1) for rates in (first, second) * (per_minute + 3)]
    assert sum(both) == per_minute
    assert granted(first, "south", 2, 1) == 1


@pytest.mark.spec("F-A3")
def test_FA3_of_racing_requests_no_more_than_the_rate_get_through(redis_server: RedisServer) -> None:
    rates = shared(redis_server[0])
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: granted(rates, "north", 20, 1), range(200))) in (20, 21)


def test_an_address_and_a_tenant_of_one_name_are_counted_apart(redis_server: RedisServer) -> None:
    tenants, addresses = shared(redis_server[0]), shared(redis_server[0], "address")
    assert granted(tenants, "north", 1, 2) == granted(addresses, "north", 1, 2) == 1


@pytest.mark.spec("F-A3", "F-19")
def test_F19_a_frozen_redis_leaves_each_worker_its_own_share_and_is_counted(
    redis_server: RedisServer,
) -> None:
    rates, before = shared(redis_server[0], workers=2), counted_alone("tenant")
    assert granted(rates, "north", 4, 1) == 1
    redis_server[1].send_signal(signal.SIGSTOP)
    assert granted(rates, "north", 4, 6) == 2
    assert counted_alone("tenant") == before + 6


@pytest.mark.spec("F-A3", "F-19")
@pytest.mark.parametrize("workers", [1, 4])
def test_F19_without_redis_nobody_is_without_a_limit(workers: int) -> None:
    assert granted(shared(NOBODY, workers=workers), "north", 8, 20) == 8 // workers


@pytest.mark.spec("F-A3", "F-19")
def test_FA3_F19_four_workers_of_two_servers_grant_one_rate_and_go_on_when_redis_dies(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 3 a minute one comes free in 20 s; of a worker's own share, half of that, one in 40 s."""
    monkeypatch.setattr(harness, "COMMAND", harness.command(store__quick_redis__TIMEOUT_S=REDIS_WITHIN_S))
    limits, settings = "[tenant.limits]\nrequests_per_minute = 3\n", {"REDIS_URL": redis_server[0]}
    with (
        served(tmp_path, "--workers", "2", more=limits, **settings) as first,
        served(tmp_path, "--workers", "2", beside=first, more=limits, **settings) as second,
    ):

        def send(number: int) -> int:
            base = (first, second)[number % 2].base
            return requests.post(
                base + PATH, BODY, headers=first.headers(PATH), timeout=PATIENCE_S
            ).status_code

        with ThreadPoolExecutor(4) as pool:
            began_s = time.monotonic()
            answers = Counter(pool.map(send, range(16)))
            most = 4 + (time.monotonic() - began_s) // 20
            assert 3 <= answers[200] <= most and answers[429] == 16 - answers[200], answers
            redis_server[1].kill()
            began_s = time.monotonic()
            answers = Counter(pool.map(send, range(24)))
            most = 4 * ((60 + time.monotonic() - began_s) // 40)
    assert 1 <= answers[200] <= most and answers[200] + answers[429] == 24, answers
    assert "rates.unshared" in first.log
