"""Used tokens in a Redis that the tests start, that is frozen, and that is not there."""

import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from cds_service.store.replay import AllUsedTokens, SqlUsedTokens
from hooks.errors import Unavailable

pytest.importorskip("redis", reason="the Redis client is absent")

from cds_service.store.redis_replay import RedisUsedTokens

pytest_plugins = ["databases"]

RedisServer = tuple[str, subprocess.Popen[str]]


@pytest.mark.spec("A-16", "JW11")
def test_A16_of_eight_racing_copies_of_each_token_exactly_one_is_first(
    redis_server: RedisServer,
) -> None:
    used = RedisUsedTokens(redis_server[0])
    with ThreadPoolExecutor(8) as pool:
        firsts = pool.map(lambda n: used.first_use("iss", f"token-{n % 50}", 60_000, 0), range(400))
        assert sum(firsts) == 50


@pytest.mark.spec("F-19")
def test_F19_a_frozen_redis_is_passed_by_and_left_alone(
    redis_server: RedisServer, sqlite_engine: Engine
) -> None:
    redis, sql = RedisUsedTokens(redis_server[0]), SqlUsedTokens(sqlite_engine)
    both = AllUsedTokens([sql, redis])
    assert both.first_use("iss", "token-1", 60_000, 0)
    redis_server[1].send_signal(signal.SIGSTOP)
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
