"""The demonstration: the service beside a sandbox EHR with simulated patients, and loading files into that.

Commands of `cli`; the work is in `sandbox`.
"""

from pathlib import Path
from typing import Final

import click

from cds_service.cli_output import refuse, show

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("demo")
@click.option("--service-port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--sandbox-port", default=8001, show_default=True, type=click.IntRange(1, 65535))
@click.option("--folder", default=".demo", show_default=True, type=click.Path(path_type=Path))
def demo_command(service_port: int, sandbox_port: int, folder: Path) -> None:
    """Run the service and a sandbox EHR with simulated patients, until Ctrl-C."""
    from cds_service.sandbox.demo import CannotStart, run_demo

    try:
        run_demo(service_port, sandbox_port, folder)
    except CannotStart as fault:
        refuse(str(fault))


@click.group("sandbox")
def sandbox_group() -> None:
    """The demonstration EHR: simulated patients, not for care."""


@sandbox_group.command("load")
@click.argument("file", type=_FILE)
@click.option("--folder", default=".demo", show_default=True, type=click.Path(path_type=Path))
def load_command(file: Path, folder: Path) -> None:
    """Load FILE into the sandbox: a FHIR Bundle, NDJSON, or a CSV `time,gl` or `id,time,gl`; .gz too."""
    from cds_service.sandbox.app import DATABASE
    from cds_service.sandbox.loader import UnreadableFile, load_file
    from cds_service.sandbox.storage import Storage

    folder.mkdir(exist_ok=True)
    storage = Storage(folder / DATABASE)
    try:
        loaded = load_file(file, storage)
    except UnreadableFile as fault:
        refuse(str(fault))
    finally:
        storage.close()
    show(
        {
            "loaded": loaded.resources,
            "patients_added": loaded.added_patients,
            "rows_without_value": loaded.empty_rows,
        }
    )


COMMANDS: Final = (demo_command, sandbox_group)
