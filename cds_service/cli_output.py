"""How every command speaks: JSON on stdout, one plain sentence on stderr, exit 2 where the input is bad."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import click
import msgspec
import structlog
from rich.console import Console

TABLE_WIDTH: Final = 160
"""Columns of a table that goes to a file or a pipe, which have no width of their own."""

_encoder = msgspec.json.Encoder(decimal_format="number")


def refuse(text: str) -> NoReturn:
    """Say what is wrong on stderr and exit 2."""
    click.echo(f"wearable-cds: {text}", err=True)
    sys.exit(2)


def show(value: object) -> None:
    """One JSON document on stdout, indented."""
    click.echo(msgspec.json.format(_encoder.encode(value), indent=2).decode())


def show_line(value: object) -> None:
    """One JSON document on one line."""
    click.echo(_encoder.encode(value).decode())


def table_console() -> Console:
    """Where tables are printed: as wide as the terminal, or wide enough for a file."""
    console = Console()
    return console if console.is_terminal else Console(width=TABLE_WIDTH)


@contextmanager
def log_on_stderr() -> Iterator[None]:
    """The log lines of what a command calls stand beside its messages: stdout holds the answer alone."""
    before = structlog.get_config()["logger_factory"]
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    try:
        yield
    finally:
        structlog.configure(logger_factory=before)


def note(text: str) -> None:
    """Say on stderr what the user should know although the answer stands."""
    click.echo(f"wearable-cds: {text}", err=True)
