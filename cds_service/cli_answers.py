"""What is said of a FILE: `map`, `explain`, `features` and `answer`, each by what the service itself calls.

Commands of `cli`; the work is in `local_answers`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from cds_service import local_answers
from cds_service.cli_output import note, refuse, show, show_line
from hooks.service import Practice

Command = TypeVar("Command", bound=Callable[..., Any])

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def as_of_option(command: Command) -> Command:
    """`--as-of`: the moment the question is asked; now, where it is not given."""
    return click.option("--as-of", "as_of", metavar="TIME", help="ISO 8601 with offset; default now.")(
        command
    )


def site_options(command: Command) -> Command:
    """`--zone` and `--aliases`: what the registration of a tenant would declare."""
    zone = click.option("--zone", metavar="ZONE", help="IANA zone of times that came without an offset.")
    aliases = click.option("--aliases", type=_FILE, help="The site's alias file: its own codes and units.")
    return zone(aliases(command))


@click.command("map")
@click.argument("file", type=_FILE)
@click.option("--patient", required=True, metavar="ID", help="Resources of anybody else are refused.")
@as_of_option
@click.option("--points", is_flag=True, help="One JSON line per point.")
@click.option("--dropped", is_flag=True, help="One JSON line per dropped resource.")
@site_options
def map_command(
    file: Path, patient: str, as_of: str | None, points: bool, dropped: bool, **site: Any
) -> None:
    """FHIR resources of FILE as clean series: signals with counts, first and last."""
    with local_answers.complaints(refuse):
        declared = local_answers.site_of(site["aliases"], site["zone"])
        found = local_answers.map_file(file, patient, as_of, declared)
    if found.strangers:
        note(f"{found.strangers} resources are of another patient than {patient}, and were refused")
    for line in found.points() if points else ():
        show_line(line)
    for line in found.dropped() if dropped else ():
        show_line(line)
    if not points and not dropped:
        show(found.summary())


@click.command("explain")
@click.argument("file", type=_FILE)
@click.option("--patient", required=True, metavar="ID")
@as_of_option
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@site_options
def explain_command(file: Path, patient: str, as_of: str | None, as_json: bool, **site: Any) -> None:
    """What arrived in FILE, what was used, what was dropped and why, which codes are unknown."""
    from cds_service.explain_table import print_table

    with local_answers.complaints(refuse):
        declared = local_answers.site_of(site["aliases"], site["zone"])
        found = local_answers.explain_file(file, patient, as_of, declared)
    if as_json:
        show(found)
    else:
        print_table(found)


@click.command("features")
@click.argument("file", type=_FILE)
@as_of_option
@click.option("--days", default=14, show_default=True, type=click.IntRange(1, 400))
@click.option("--zone", metavar="ZONE", help="IANA zone of the patient, for times of day.")
@click.option("--patient", metavar="ID", help="The patient, for FHIR input of one.")
def features_command(file: Path, as_of: str | None, days: int, zone: str | None, patient: str | None) -> None:
    """Glycaemic features of FILE: FHIR JSON, or a CSV `time,gl` in mg/dL."""
    with local_answers.complaints(refuse):
        show(local_answers.features_of_file(file, as_of, days, zone, patient))


@click.command("answer")
@click.argument("service")
@click.argument("file", type=_FILE)
@as_of_option
@click.option("--zone", metavar="ZONE", help="IANA zone of the organisation.")
@click.option("--titration-table", metavar="ID", help="Titration table of the organisation.")
@click.option("--glucose-unit", type=click.Choice(["mg/dL", "mmol/L"]), default="mg/dL", show_default=True)
def answer_command(
    service: str,
    file: Path,
    as_of: str | None,
    zone: str | None,
    titration_table: str | None,
    glucose_unit: Any,
) -> None:
    """The body with which SERVICE would answer the hook request in FILE, without HTTP."""
    with local_answers.complaints(refuse):
        practice = Practice(zone=zone, titration_table=titration_table, glucose_unit=glucose_unit)
        show(local_answers.answer_file(service, file, as_of, practice))


COMMANDS: Final = (map_command, explain_command, features_command, answer_command)
