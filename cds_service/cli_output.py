"""How every command speaks: JSON on stdout, one plain sentence on stderr, exit 2 where the input is bad."""

import sys
from typing import NoReturn

import click
import msgspec

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
