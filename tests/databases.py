"""Databases for tests: an SQLite file, and servers of PostgreSQL and Redis that the tests start themselves."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import PATIENCE_S, REDIS_WITHIN_S
from sqlalchemy import Engine, NullPool, create_engine, text

from cds_service.store import database
from cds_service.store.database import open_database

_DEBIAN = "/usr/lib/postgresql/*/bin"


def _program(name: str) -> str:
    installed = [str(path) for path in sorted(Path("/").glob(f"{_DEBIAN[1:]}/{name}"), reverse=True)]
    found = shutil.which(name) or next(iter(installed), None)
    if found is None:
        pytest.skip(f"PostgreSQL is absent: no {name}")
    return found


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server of this session, on a socket in a folder of its own."""
    pytest.importorskip("psycopg", reason="PostgreSQL's driver psycopg is absent")
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if user:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

    run(initdb, "-D", str(folder / "data"), "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-k {folder} -c listen_addresses= -c max_connections=50 -c fsync=off"
    run(pg_ctl, "-D", str(folder / "data"), "-o", options, "-l", str(folder / "log"), "-w", "start")
    yield f"postgresql+psycopg://tests@/postgres?host={folder}"
    run(pg_ctl, "-D", str(folder / "data"), "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def patient_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for another to write waits until that one has, however slow disk and machine are."""
    patience_ms = round(1000 * PATIENCE_S)
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", patience_ms)
    monkeypatch.setattr(database, "POOL_TIMEOUT_S", PATIENCE_S)
    options = f"-c statement_timeout={patience_ms} -c lock_timeout={patience_ms}"
    monkeypatch.setitem(database._POSTGRESQL, "options", options)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, patient_writers: None) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    address: str = request.getfixturevalue("postgresql")
    admin = create_engine(address, poolclass=NullPool)
    with admin.begin() as connection:
        connection.execute(text("drop schema public cascade"))
        connection.execute(text("create schema public"))
    return address


@pytest.fixture
def sqlite_engine(tmp_path: Path, patient_writers: None) -> Iterator[Engine]:
    """The store in a file, for what only SQLite has."""
    folder = tmp_path / "sqlite"
    folder.mkdir()
    engine = open_database(f"sqlite:///{folder / 'store.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The store's database, migrated."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def redis_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """An empty Redis of this test: its address, and its process, which may be stopped or killed."""
    monkeypatch.setattr("cds_service.store.quick_redis.TIMEOUT_S", REDIS_WITHIN_S)
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
