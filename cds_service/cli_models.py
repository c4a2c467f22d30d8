"""Commands for those who judge or remake the models: `evaluate TASK` and `train MODEL`.

Added to `wearable-cds` by `cli`. A new task is one line of `TASKS`; the libraries of the
extra `train` are imported only by what needs them.
"""

from pathlib import Path
from typing import Final

import click

from cds_service import cli_evaluations, cli_forecast
from cds_service.cli_long_runs import long_run
from cds_service.cli_output import show
from models.training.remake import REMAKE

TASKS: Final = (*cli_evaluations.TASKS, *cli_forecast.TASKS)
"""What can be evaluated."""

evaluate_group = click.Group(
    "evaluate", commands=TASKS, help="Metrics of a model on people in a file, without retraining."
)


@click.command("train")
@click.argument("model", type=click.Choice(sorted(REMAKE)))
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="People with CGM: arrays as in cgm_t1d_open.npz. Not used by models that learn in simulation.",
)
@click.option(
    "--out",
    "folder",
    default=Path("trained"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
)
def train_command(model: str, data: Path | None, folder: Path) -> None:
    """Make the artefacts of MODEL again, seeded and cross-validated by patient, into a folder."""
    with long_run() as report:
        files = REMAKE[model](data, report)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / Path(name).name).write_text(content, encoding="utf-8")
    show({"model": model, "written": [str(folder / Path(name).name) for name in files]})


COMMANDS = (evaluate_group, train_command)
