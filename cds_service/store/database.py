"""Opens the database: durable settings, migration under a lock, and one way to write in a transaction.

The ground of the other files of `store`. SQLite by default, PostgreSQL for more than one host.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Engine,
    Executable,
    Table,
    create_engine,
    event,
    inspect,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from cds_service.deadline import Deadline
from cds_service.store.file_systems import refuse_network
from hooks.errors import Unavailable

BUSY_TIMEOUT_MS: Final = 2000
"""How long a write waits for another; a hook's caller gives up after five seconds."""

POOL_TIMEOUT_S: Final = 2
_TURNS: Final = "wearable_cds_turns"
_ONLY_READS: Final = "wearable_cds_only_reads"
_RETRY_S: Final = 0.01
_POSTGRESQL: Final = {
    "connect_timeout": 2,
    "options": f"-c statement_timeout={BUSY_TIMEOUT_MS} -c lock_timeout={BUSY_TIMEOUT_MS}",
}


def open_database(url: str) -> Engine:
    """An engine on a database of the current schema; no connection stays open (workers fork after this).

    Raises SchemaTooNew, OnNetwork, and SQLAlchemyError where the database cannot be opened.
    """
    engine = connect(url)
    try:
        if engine.dialect.name == "sqlite":
            refuse_network(Path(engine.url.database or ""))
            _write_ahead(engine)
        if not _is_current(engine):
            from cds_service.store.migration import migrate  # alembic: a tenth of the time to start

            migrate(engine)
    finally:
        engine.dispose()
    return engine


def _is_current(engine: Engine) -> bool:
    with engine.connect() as connection:
        connection.execution_options(**{_ONLY_READS: True})
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [newest_step()]


def newest_step() -> str:
    """The number of the last migration, which the names of their files begin with."""
    steps = Path(__file__).with_name("migrations").glob("versions/[0-9]*.py")
    return max(step.name for step in steps).partition("_")[0]


def connect(url: str, turns: "threading.Lock | None" = None) -> Engine:
    """An engine with this project's settings, on a database of whatever schema.

    Threads that write to SQLite take turns here, which is quicker and fairer than SQLite's own waiting.
    """
    if url.startswith("sqlite"):
        engine = create_engine(url, pool_timeout=POOL_TIMEOUT_S)
        event.listen(engine, "connect", _make_sqlite_durable)
        event.listen(engine, "begin", _begin)
        return engine.execution_options(**{_TURNS: turns or threading.Lock()})
    return create_engine(url, pool_timeout=POOL_TIMEOUT_S, pool_pre_ping=True, connect_args=_POSTGRESQL)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed when the block ends. Raises Unavailable (503) where that fails."""
    with _unavailable_if_broken(), _turn(engine), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that only reads and keeps nobody from writing. Raises Unavailable (503)."""
    with _unavailable_if_broken(), engine.connect() as connection:
        connection.execution_options(**{_ONLY_READS: True})
        with connection.begin():
            yield connection


def enter(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless one with its key is there; whether it was inserted. One atomic statement."""
    return connection.execute(_entering(table, connection.dialect.name), dict(row)).first() is not None


@cache
def _entering(table: Table, dialect_name: str) -> Executable:
    dialect = postgresql if dialect_name == "postgresql" else sqlite
    statement: Executable = dialect.insert(table).on_conflict_do_nothing().returning(literal(1))
    return statement


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    turns: threading.Lock | None = engine.get_execution_options().get(_TURNS)
    if turns is None:
        yield
    elif turns.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
        try:
            yield
        finally:
            turns.release()
    else:
        raise Unavailable(reason="store.busy")


def forgetful(engine: Engine) -> Engine:
    """The same database for rows that a power failure may take: SQLite commits them without a sync."""
    if engine.dialect.name != "sqlite":
        return engine
    quick = connect(engine.url.render_as_string(hide_password=False), engine.get_execution_options()[_TURNS])
    event.listen(quick, "connect", _make_sqlite_quick)
    return quick


def _make_sqlite_quick(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


def _make_sqlite_durable(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say so, see below
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA synchronous=FULL")


def _write_ahead(engine: Engine) -> None:
    """Switch the file to WAL for good. SQLite does not wait here when others do the same, so this does."""
    deadline = Deadline.after(BUSY_TIMEOUT_MS / 1000)
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        while True:
            try:
                cursor.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError:
                if not deadline.remaining_s():
                    raise
                time.sleep(_RETRY_S)


def _begin(connection: Connection) -> None:
    """Wait for the right to write at the start: a transaction that asks for it later can only fail."""
    reads = connection.get_execution_options().get(_ONLY_READS)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def _unavailable_if_broken() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise Unavailable(reason=f"store.{type(error).__name__}") from error


def takes_writes(engine: Engine) -> bool:
    """Whether a transaction can be begun and committed now."""
    try:
        with transaction(engine) as connection:
            connection.execute(select(1))
    except Unavailable:
        return False
    return True
