"""Commands that run in simulation only: the trial of type 1 setting adjustment.

Added to `wearable-cds` by `cli`; nothing here reads a patient's data or the server's settings.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cds_service.cli_output import refuse, show

if TYPE_CHECKING:
    from models.dosing.therapy import Therapy
    from models.simulation.arms import Arm, Review

AUTOTUNE: Final = "autotune"
JSON_KEYS: Final = ("cycle", "tir", "tbr", "tbr54", "tar", "gri", "share_tbr_over_4", "contraindicated")


@click.command("trial")
@click.option("--arms", default="none,reference,rules,value-of-action", show_default=True, metavar="ARM,...")
@click.option("--world", type=click.Choice(["default", "shifted"]), default="default", show_default=True)
@click.option("--cases", default=60, show_default=True, type=click.IntRange(2, 10_000))
@click.option("--cycles", default=4, show_default=True, type=click.IntRange(1, 52))
@click.option("--seed", default=1, show_default=True, type=int)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of tables.")
@click.option("--plots", type=click.Path(file_okay=False, path_type=Path), help="Folder for SVG pictures.")
def trial_command(arms: str, world: str, as_json: bool, plots: Path | None, **size: int) -> None:
    """Compare ways to adjust type 1 settings on virtual patients whose therapy is mis-set."""
    from cds_service.trial_table import draw_plots, print_tables
    from models.simulation.trial import trial
    from models.simulation.worlds import WORLDS

    outcome = trial(_arms_or_refuse(arms), WORLDS[world], **size)
    for file in draw_plots(outcome, plots) if plots else ():
        click.echo(f"drew {file}", err=True)
    if as_json:
        show({"world": outcome["world"], "arms": {n: _short(rows) for n, rows in outcome["arms"].items()}})
    else:
        print_tables(outcome)


def _short(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: row[key] for key in JSON_KEYS} for row in rows]


def _arms_or_refuse(asked: str) -> "dict[str, Arm]":
    """The arms of these names, each telling on stderr how far it is."""
    from models.simulation.arms import ARMS

    names = [name.strip() for name in asked.split(",")]
    unknown = [name for name in names if name not in ARMS and name != AUTOTUNE]
    if unknown:
        refuse(f"no arm {', '.join(map(repr, unknown))}; there are {', '.join((*ARMS, AUTOTUNE))}")
    return {name: _told(name, _autotune_or_refuse() if name == AUTOTUNE else ARMS[name]) for name in names}


def _autotune_or_refuse() -> "Arm":
    from cds_service.autotune_peer import Autotune, AutotuneAbsent

    try:
        return Autotune()
    except AutotuneAbsent as reason:
        refuse(str(reason))


def _told(name: str, arm: "Arm") -> "Arm":
    """The arm, saying on stderr when it looks at a review."""

    def telling(review: "Review") -> "Therapy":
        click.echo(f"cycle {len(review.earlier) + 1}: {name} reviews {len(review.patient)} cases", err=True)
        return arm(review)

    return telling


COMMANDS = (trial_command,)
