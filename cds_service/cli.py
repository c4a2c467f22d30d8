"""The command `wearable-cds`: JSON on stdout, messages on stderr, exit 2 on bad input.

For people and for checks; every command calls what the service itself calls.
"""

import gc
from importlib import import_module
from typing import Final

import click

from cds_service.cli_output import refuse
from cds_service.release import changed_files

FILES: Final = {
    "cli_answers": ("map", "explain", "features", "answer"),
    "cli_limits": ("limits",),
    "cli_models": ("evaluate", "train"),
    "cli_operations": ("tenants", "doctor", "audit", "replay", "keys"),
    "cli_optimise": ("optimise",),
    "cli_sandbox": ("demo", "sandbox"),
    "cli_simulation": ("trial",),
}
"""Where each command is, in the COMMANDS of a file of its own."""

HELD_TO_RELEASE: Final = frozenset(FILES) - {"cli_models", "cli_operations"}
"""Files whose commands say nothing beside tables that are not of this release. Models are made again and
evaluated beside them; operations name them among the other problems of the settings."""


class _Commands(click.Group):
    """Reads the file of a command when that is asked for: the server starts without all the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*self.commands, *(name for names in FILES.values() for name in names)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for file, names in FILES.items():
            if cmd_name in names:
                if file in HELD_TO_RELEASE and (changed := changed_files()):
                    refuse("\n".join(changed))  # some are read where their module is imported
                commands = import_module(f"cds_service.{file}").COMMANDS
                return next((command for command in commands if command.name == cmd_name), None)
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Decision support for CGM, insulin and wearable vital signs over CDS Hooks."""


@main.command("serve")
@click.option("--bind", default="127.0.0.1:8000", show_default=True)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
def serve_command(bind: str, workers: int) -> None:
    """Run the production server with settings from the environment."""
    gc.disable()  # nothing of what is imported is garbage, and looking for it takes a sixth of the start
    from cds_service.serve import serve
    from cds_service.settings import InvalidSettings

    gc.enable()

    try:
        serve(bind, workers)
    except InvalidSettings as fault:
        refuse("cannot start:\n" + "\n".join(f"  - {problem}" for problem in fault.problems))
