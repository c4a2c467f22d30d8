"""`wearable-cds evaluate forecast`: the served glucose forecast on people, or the GlucoBench protocol.

Added to the tasks of `evaluate` by `cli_models`.
"""

from pathlib import Path
from typing import Any

import click

from cds_service.cli_evaluations import (
    output_options,
    read_or_refuse,
    show_evaluation,
    zone_option,
)
from cds_service.cli_long_runs import long_run
from cds_service.cli_output import refuse
from models.training.glucobench import DATASETS

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("forecast")
@click.option("--data", type=_FILE, help="People with CGM: arrays as in cgm_t1d_open.npz, or FHIR.")
@click.option("--glucobench", type=_FILE, metavar="FILE", help="A CSV `id,time,gl` of its sets; .gz too.")
@click.option("--dataset", type=click.Choice(sorted(DATASETS), case_sensitive=False), help="Whose settings.")
@click.option("--seeds", default=10, show_default=True, type=click.IntRange(1, 100))
@zone_option
@output_options
@click.option("--challengers", is_flag=True, help="Also fit rivals that learn, on four fifths of the people.")
def forecast_command(
    data: Path | None,
    glucobench: Path | None,
    dataset: str | None,
    seeds: int,
    zone: str | None,
    as_json: bool,
    folder: Path | None,
    challengers: bool,
) -> None:
    """Glucose 5 to 120 minutes ahead; with --glucobench, models fitted on the protocol's own split."""
    if (data is None) == (glucobench is None) or (glucobench is None) != (dataset is None):
        refuse("give --data FILE, or --glucobench FILE with --dataset NAME")
    if data is not None:
        show_evaluation(_on_people(data, zone, challengers), as_json, folder)
    elif glucobench is not None and dataset is not None:
        show_evaluation(_on_benchmark(glucobench, dataset, seeds), as_json, folder)


def _on_people(data: Path, zone: str | None, challengers: bool) -> dict[str, Any]:
    from models.training.forecast_evaluation import evaluate_forecast

    people = read_or_refuse(data, zone)
    with long_run() as report:
        return evaluate_forecast(people, challengers, report)


def _on_benchmark(path: Path, dataset: str, seeds: int) -> dict[str, Any]:
    from models.training.glucobench_evaluation import evaluate_glucobench

    with long_run() as report:
        return evaluate_glucobench(path, dataset, seeds, report)


TASKS = (forecast_command,)
