"""Commands for the file of limits on insulin doses that an organisation signs for itself.

Added to `wearable-cds` by `cli`; the file is named in the tenants file as `dose_limits_file`.
"""

from pathlib import Path
from typing import Final

import click

from cds_service.cli_output import refuse, show
from cds_service.tenants_file import read_limits
from models.dosing.safety_limits import UnusableLimits, digest_to_sign

LIMITS_FILE: Final = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group("limits")
def limits_group() -> None:
    """The signed limits on insulin doses."""


@limits_group.command("check")
@LIMITS_FILE
def check_command(file: Path) -> None:
    """Read FILE as the server would: who signed what; exit 2 where it is malformed, unsigned or too wide."""
    try:
        limits = read_limits(file)
    except UnusableLimits as fault:
        refuse(str(fault))
    show(limits)


@limits_group.command("digest")
@LIMITS_FILE
def digest_command(file: Path) -> None:
    """The SHA-256 over the terms of FILE, which its signature must carry as `sha256`."""
    try:
        show({"sha256": digest_to_sign(file.read_text("utf-8"))})
    except (UnusableLimits, UnicodeDecodeError) as fault:
        refuse(str(fault))


COMMANDS: Final = (limits_group,)
