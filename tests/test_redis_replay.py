"""Used tokens in a Redis that the tests start, that is frozen, and that is not there."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cds_service.store.replay import AllUsedTokens, SqlUsedTokens
from hooks.errors import Unavailable

pytest.importorskip("redis", reason="the Redis client is absent")

from cds_service.store.redis_replay import RedisUsedTokens

pytest_plugins = ["databases"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A Redis of this test, and its address."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is absent: no redis-server")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [program, "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "Ready to accept connections" in line)
        yield f"redis://127.0.0.1:{port}", process
        process.send_signal(signal.SIGCONT)
        process.terminate()


@pytest.mark.spec("A-16", "JW11")
def test_A16_of_eight_racing_copies_of_each_token_exactly_one_is_first(
    server: tuple[str, subprocess.Popen[str]],
) -> None:
    used = RedisUsedTokens(server[0])
    with ThreadPoolExecutor(8) as pool:
        firsts = pool.map(lambda n: used.first_use("iss", f"token-{n % 50}", 60_000, 0), range(400))
        assert sum(firsts) == 50


@pytest.mark.spec("F-19")
def test_F19_a_frozen_redis_is_passed_by_and_left_alone(
    server: tuple[str, subprocess.Popen[str]], sqlite_engine: Engine
) -> None:
    url, process = server
    redis, sql = RedisUsedTokens(url), SqlUsedTokens(sqlite_engine)
    both = AllUsedTokens([sql, redis])
    assert both.first_use("iss", "token-1", 60_000, 0)
    process.send_signal(signal.SIGSTOP)
    assert not both.first_use("iss", "token-1", 60_000, 0)
    assert both.first_use("iss", "token-2", 60_000, 0)
    with pytest.raises(Unavailable):
        redis.first_use("iss", "token-3", 60_000, 0)


@pytest.mark.spec("F-19", "JW11")
def test_F19_JW11_without_redis_the_database_decides_and_without_both_nobody_gets_in(
    sqlite_engine: Engine,
) -> None:
    absent = RedisUsedTokens("redis://127.0.0.1:1")
    with_sql = AllUsedTokens([SqlUsedTokens(sqlite_engine), absent])
    assert with_sql.first_use("iss", "token", 60_000, 0)
    assert not with_sql.first_use("iss", "token", 60_000, 0)
    with pytest.raises(Unavailable):
        AllUsedTokens([absent]).first_use("iss", "other", 60_000, 0)
