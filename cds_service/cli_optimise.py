"""The command `optimise`: settings of a virtual patient by search inside the simulator, or searches compared.

Added to `wearable-cds` by `cli`; reads no patient's data and none of the server's settings.
"""

from typing import TYPE_CHECKING, Any

import click

from cds_service.cli_output import refuse, show

if TYPE_CHECKING:
    from models.simulation.plan_search import Found

_METHODS = ("genetic", "cross-entropy", "random")
_FACTOR = click.FloatRange(0.5, 2.0)


@click.command("optimise")
@click.option("--patient", default="adult#001", show_default=True, metavar="NAME", help="A virtual patient.")
@click.option("--world", type=click.Choice(["default", "shifted"]), default="default", show_default=True)
@click.option("--method", type=click.Choice(_METHODS), default=_METHODS[0], show_default=True)
@click.option("--evaluations", default=240, show_default=True, type=click.IntRange(2, 100_000))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0))
@click.option("--basal", default=1.0, show_default=True, type=_FACTOR, help="Basal in use, times reference.")
@click.option("--carb-ratio", default=1.0, show_default=True, type=_FACTOR, help="The same of carb ratios.")
@click.option("--sensitivity", default=1.0, show_default=True, type=_FACTOR, help="The same of sensitivity.")
@click.option(
    "--compare", "cases", type=click.IntRange(2, 1000), help="Compare all methods on so many cases."
)
def optimise_command(world: str, evaluations: int, seed: int, cases: int | None, **one: Any) -> None:
    """Search settings inside the simulator; outcomes are on meals that the search has not seen."""
    from models.simulation.plan_comparison import compare_searches
    from models.simulation.worlds import WORLDS

    if cases is not None:
        show(compare_searches(WORLDS[world], cases, evaluations, seed))
    else:
        show(_optimised(world, evaluations, seed, one))


def _optimised(world: str, evaluations: int, seed: int, one: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    from models.dosing.setting_actions import PARTS
    from models.simulation.controller import reference_therapy
    from models.simulation.plan_comparison import UNSEEN, UNSEEN_DAYS
    from models.simulation.plan_search import SEARCHES, make_twins, run
    from models.simulation.virtual_patients import patients_named
    from models.simulation.worlds import WORLDS, draw_circumstances

    try:
        patient = patients_named(one["patient"])
    except KeyError:
        refuse(f"no virtual patient {one['patient']}; they are called adult#001, adolescent#010, ...")
    therapy = reference_therapy(patient).scaled(one["basal"], one["carb_ratio"], one["sensitivity"])
    twin = make_twins(patient, therapy, WORLDS[world], np.random.default_rng((seed, 0)))
    unseen = draw_circumstances(WORLDS[world], UNSEEN, UNSEEN_DAYS, np.random.default_rng((seed, 1)))
    proposals = SEARCHES[one["method"]](evaluations, np.random.default_rng((seed, 2)))
    found = run(proposals, lambda plans: twin.costs(plans, np.zeros(len(plans), np.int64)))
    plans = np.array([np.zeros(len(PARTS)), found.log_factors])
    before, after = twin.outcomes(plans, np.zeros(2, np.int64), unseen)
    asked = {"patient": one["patient"], "world": world, "method": one["method"], "seed": seed}
    return asked | _answer(found, before) | {"found": after}


def _answer(found: "Found", start: dict[str, float]) -> dict[str, Any]:
    """The plan in percent of insulin, the first step that the guards let through, and how it was found."""
    import numpy as np

    from models.dosing.setting_guards import guarded, lows_forbid_more_insulin

    lows = lows_forbid_more_insulin(np.array([start["tbr"]]), np.array([start["tbr54"]]))
    return {
        "evaluations": found.evaluations,
        "start": start,
        "insulin_change_percent": _percent(found.log_factors),
        "first_step_percent": _percent(guarded(found.log_factors[None], lows)[0]),
        "cost_in_twin": [round(cost, 2) for cost in found.course],
    }


def _percent(log_factors: Any) -> dict[str, float]:
    import numpy as np

    from models.dosing.setting_actions import PARTS

    return {part: round(float(100.0 * np.expm1(x)), 1) for part, x in zip(PARTS, log_factors, strict=True)}


COMMANDS = (optimise_command,)
