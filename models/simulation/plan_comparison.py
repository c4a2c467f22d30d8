"""Searches for settings side by side: equal evaluations, the same twins, judged on meals that none has seen.

Sits on the plan search; what wins here is the default of `wearable-cds optimise`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.dosing.setting_actions import PARTS
from models.simulation.plan_search import SEARCHES, Twin, make_twin
from models.simulation.therapy_cases import draw_cases
from models.simulation.worlds import Circumstances, World, draw_circumstances

UNSEEN, UNSEEN_DAYS = 4, 7


def compare_searches(world: World, cases: int, evaluations: int, seed: int) -> dict[str, Any]:
    """Every search on the same mis-set cases.

    Returns {"world", "cases", "evaluations", "seed", "start", "searches": {name: means on unseen meals,
    "cost" in the twin, "wins": cases in which its risk index on unseen meals was the lowest}}.
    """
    everyone = draw_cases(cases, np.random.default_rng((seed, 0)))
    unseen = draw_circumstances(world, UNSEEN, UNSEEN_DAYS, np.random.default_rng((seed, 1)))
    starts: list[dict[str, float]] = []
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in SEARCHES}
    for i in range(cases):
        one = everyone.take([i])
        twin = make_twin(one.patients, one.start, world, np.random.default_rng((seed, 2, i)))
        starts.append(twin.outcome(np.zeros(len(PARTS)), unseen))
        for name, found in _searched(twin, unseen, evaluations, seed + i).items():
            rows[name].append(found)
    lowest = np.array([[row["gri"] for row in rows[name]] for name in rows]).argmin(axis=0)
    return {
        "world": world.name,
        "cases": cases,
        "evaluations": evaluations,
        "seed": seed,
        "start": _mean(starts),
        "searches": {
            name: {**_mean(found), "wins": int((lowest == number).sum())}
            for number, (name, found) in enumerate(rows.items())
        },
    }


def _searched(twin: Twin, unseen: Circumstances, evaluations: int, seed: int) -> dict[str, dict[str, float]]:
    outcomes = {}
    for name, search in SEARCHES.items():
        found = search(twin.cost, evaluations, np.random.default_rng(seed))
        outcomes[name] = twin.outcome(found.log_factors, unseen) | {"cost": round(found.cost, 2)}
    return outcomes


def _mean(rows: list[dict[str, float]]) -> Mapping[str, float]:
    return {name: round(float(np.mean([row[name] for row in rows])), 2) for name in rows[0]}
