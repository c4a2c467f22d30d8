"""Searches for settings side by side: equal evaluations, the same twins, judged on meals that none has seen.

Sits on the plan search; what wins here is the default of `wearable-cds optimise`.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from models.dosing.setting_actions import PARTS
from models.dosing.therapy import Array
from models.simulation.plan_search import SEARCHES, Found, Proposals, Twins, make_twins
from models.simulation.therapy_cases import draw_cases
from models.simulation.worlds import World, draw_circumstances

UNSEEN, UNSEEN_DAYS = 4, 7


def compare_searches(world: World, cases: int, evaluations: int, seed: int) -> dict[str, Any]:
    """Every search on the same mis-set cases.

    Returns {"world", "cases", "evaluations", "seed", "start", "searches": {name: means on unseen meals,
    "cost" in the twin, "wins": cases in which its risk index on unseen meals was the lowest}}.
    """
    everyone = draw_cases(cases, np.random.default_rng((seed, 0)))
    unseen = draw_circumstances(world, UNSEEN, UNSEEN_DAYS, np.random.default_rng((seed, 1)))
    twins = make_twins(everyone.patients, everyone.start, world, np.random.default_rng((seed, 2)))
    who = np.arange(cases)
    searched = {name: _search_all(name, twins, evaluations, seed) for name in SEARCHES}
    rows = {
        name: twins.outcomes(np.array([f.log_factors for f in found]), who, unseen)
        for name, found in searched.items()
    }
    lowest = np.array([[row["gri"] for row in rows[name]] for name in rows]).argmin(axis=0)
    return {
        "world": world.name,
        "cases": cases,
        "evaluations": evaluations,
        "seed": seed,
        "start": _mean(twins.outcomes(np.zeros((cases, len(PARTS))), who, unseen)),
        "searches": {
            name: {
                **_mean(rows[name]),
                "cost": round(float(np.mean([f.cost for f in searched[name]])), 2),
                "wins": int((lowest == number).sum()),
            }
            for number, name in enumerate(rows)
        },
    }


def _search_all(name: str, twins: Twins, evaluations: int, seed: int) -> list[Found]:
    """One search for each patient, all of them in step, so that each round is one simulation."""
    count = len(twins.patients)
    running = [SEARCHES[name](evaluations, np.random.default_rng((seed, 3, i))) for i in range(count)]
    asked, found = [next(search) for search in running], list[Found]()
    while not found:
        sizes = [len(plans) for plans in asked]
        costs = twins.costs(np.concatenate(asked), np.repeat(np.arange(count), sizes))
        told = zip(running, np.split(costs, np.cumsum(sizes)[:-1]), strict=True)
        asked, found = _next_round(told)
    return found


def _next_round(told: Iterable[tuple[Proposals, Array]]) -> tuple[list[Array], list[Found]]:
    """What each search asks next, or what each found; with equal evaluations all end together."""
    asked, found = list[Array](), list[Found]()
    for search, costs in told:
        try:
            asked.append(search.send(costs))
        except StopIteration as end:
            found.append(end.value)
    return asked, found


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([row[name] for row in rows])), 2) for name in rows[0]}
