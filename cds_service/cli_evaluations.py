"""The tasks of `wearable-cds evaluate`: each reads people from a file and says how well a model does on them.

Added to the command by `cli_models`. Nothing is learned again unless `--challengers` asks for it; only then,
and for groups, is a learning library needed.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from cds_service.cli_long_runs import long_run, said
from cds_service.cli_output import refuse, show
from cds_service.evaluation_table import print_evaluation
from cds_service.local_answers import complaints
from cds_service.people_files import people_of, wearers_of
from models.training.cgm_people import Person

Command = TypeVar("Command", bound=Callable[..., Any])

SEED: Final = 2026
WEARERS, WEARER_DAYS = 40, 180
"""Generated people of the vital signs, and the days that each is worn."""

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


def data_option(command: Command) -> Command:
    """`--data FILE`: people with CGM."""
    told = "People with CGM: arrays as in cgm_t1d_open.npz, or FHIR (Bundle, NDJSON; .gz too)."
    return click.option("--data", required=True, type=_FILE, help=told)(command)


def zone_option(command: Command) -> Command:
    """`--zone ZONE`: the wall clock of FHIR readings."""
    told = "IANA zone of people in FHIR who state none; UTC without it."
    return click.option("--zone", metavar="ZONE", help=told)(command)


def output_options(command: Command) -> Command:
    """`--json` and `--report DIR`."""
    as_json = click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
    report = click.option(
        "--report",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Also write a page with plots to DIR.",
    )
    return as_json(report(command))


def seed_option(command: Command) -> Command:
    """`--seed`: of folds, resamples and generated people."""
    return click.option("--seed", default=SEED, show_default=True, type=click.IntRange(0))(command)


def read_or_refuse(data: Path, zone: str | None = None) -> tuple[Person, ...]:
    """The people of a file; one line on stderr and exit 2 where there are none."""
    with complaints(refuse):
        return people_of(data, zone)


def show_evaluation(found: Mapping[str, Any], as_json: bool, folder: Path | None) -> None:
    """The metrics on stdout, and the page in a folder where one is given."""
    if folder is not None:
        from cds_service.evaluation_report import write_report

        with complaints(refuse):
            said(f"report: {write_report(found, folder)}")
    if as_json:
        show({key: value for key, value in found.items() if key != "curves"})
    else:
        print_evaluation(found)


def _risk_task(name: str, told: str) -> click.Command:
    """A task of the glucose risk models, which share their options."""

    @click.command(name, help=told)
    @data_option
    @zone_option
    @output_options
    @seed_option
    @click.option("--challengers", is_flag=True, help="Also fit the rivals that learn, by patient folds.")
    def command(
        data: Path, zone: str | None, as_json: bool, folder: Path | None, seed: int, challengers: bool
    ) -> None:
        people = read_or_refuse(data, zone)
        show_evaluation(_risk(name, people, seed, challengers), as_json, folder)

    return command


def _risk(name: str, people: Sequence[Person], seed: int, challengers: bool) -> dict[str, Any]:
    from models.training.evaluate import EVALUATIONS

    with long_run() as report:
        return EVALUATIONS[name](people, challengers, seed, report)


@click.command("vitals")
@click.option(
    "--data", type=_FILE, help="People with vital signs: arrays, a CSV id,time,kind,value, or FHIR."
)
@click.option("--generated", is_flag=True, help="Generated people in place of a file: a demonstration.")
@zone_option
@output_options
@seed_option
@click.option("--people", default=WEARERS, show_default=True, type=click.IntRange(1), help="Generated.")
@click.option("--days", default=WEARER_DAYS, show_default=True, type=click.IntRange(1), help="Generated.")
def vitals_command(
    data: Path | None,
    generated: bool,
    zone: str | None,
    as_json: bool,
    folder: Path | None,
    seed: int,
    people: int,
    days: int,
) -> None:
    """Known anomalies put into vital signs: what is found, at how many false alarms a day."""
    from models.training import evaluate_vitals as vitals

    if (data is None) != generated:
        refuse("give --data FILE, or --generated for people that are made up")
    source = vitals.GENERATED if data is None else vitals.MEASURED
    said(source)
    with complaints(refuse):
        records = vitals.generated_people(seed, people, days) if data is None else wearers_of(data, zone)
    with long_run() as report:
        found = vitals.evaluate_vitals(records, seed, source, report)
    show_evaluation(found, as_json, folder)


@click.command("groups")
@data_option
@zone_option
@output_options
@seed_option
def groups_command(data: Path, zone: str | None, as_json: bool, folder: Path | None, seed: int) -> None:
    """Glycaemic phenotypes of two-week windows, and whether clusters of them are stable."""
    people = read_or_refuse(data, zone)
    with long_run():
        from models.training.groups import evaluate_groups

        found = evaluate_groups(people, seed)
    show_evaluation(found, as_json, folder)


TASKS: Final = (
    _risk_task("hypoglycemia", "A new low within 30, 60 and 120 minutes."),
    _risk_task("hyperglycemia", "A new high, above 250 mg/dL, within 30, 60 and 120 minutes."),
    _risk_task("nocturnal", "An episode between midnight and 06:00, asked at 23:00."),
    vitals_command,
    groups_command,
)
