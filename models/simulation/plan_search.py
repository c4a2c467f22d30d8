"""Search for settings inside a twin: random, genetic and cross-entropy search at equal evaluations.

Sits on the simulator. A plan is a vector of log insulin factors over the parts of a therapy; all plans live
through the same circumstances (common random numbers), and a plan whose outcome differs between them pays for
it. What is found is a direction for several visits: each step of it still passes the guards.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.dosing.setting_actions import PARTS, applied
from models.dosing.setting_features import glucose_shares
from models.dosing.therapy import Array, Therapy
from models.simulation.run import Trace, simulate
from models.simulation.virtual_patients import VirtualPatients
from models.simulation.worlds import Circumstances, World, draw_circumstances

LOWEST, HIGHEST = float(np.log(0.6)), float(np.log(1.6))
"""Of the insulin of any part: further from what a person uses no plan is looked for."""

SCENARIOS, SCENARIO_DAYS = 4, 3
SPREAD_PENALTY: Final = 0.5
"""Points of risk index for each point of standard deviation between scenarios."""

POPULATION: Final = 24
ELITE: Final = 6
SMOOTHING, FIRST_SD, LEAST_SD = 0.3, 0.25, 0.02
MUTATION_SD, MUTATION_SHARE, TOURNAMENT = 0.12, 0.3, 3

Evaluate = Callable[[Array], Array]
"""Costs, lower is better, (n,), of n plans, (n, parts)."""


@dataclass(frozen=True)
class Found:
    """The best plan of a search, (parts,), its cost, and the best cost after each round of evaluations."""

    log_factors: Array
    cost: float
    course: tuple[float, ...]
    evaluations: int


Search = Callable[[Evaluate, int, np.random.Generator], Found]


@dataclass(frozen=True)
class Twin:
    """One virtual patient with the settings in use and the scenarios that every plan lives through."""

    patient: VirtualPatients
    therapy: Therapy
    scenarios: Circumstances

    def live(self, plans: Array, scenarios: Circumstances) -> Trace:
        """n plans in every scenario, row by row: plan 1 in all of them, then plan 2, ..."""
        count, each = len(plans), len(scenarios.eaten_g)
        therapy = applied(self.therapy.take(np.zeros(count, int)), plans).take(
            np.repeat(np.arange(count), each)
        )
        rows = np.tile(np.arange(each), count)
        return simulate(self.patient.take(np.zeros(count * each, int)), therapy, scenarios.take(rows))

    def cost(self, plans: Array) -> Array:
        """Mean glycaemia risk index over the scenarios plus the penalty for its spread, (n,)."""
        trace = self.live(plans, self.scenarios)
        gri = glucose_shares(trace.glucose_mgdl)["gri"].reshape(len(plans), -1)
        return np.asarray(gri.mean(axis=1) + SPREAD_PENALTY * gri.std(axis=1))

    def outcome(self, plan: Array, unseen: Circumstances) -> dict[str, float]:
        """Time in range, below 70 and 54, above 180 (percent) and risk index of a plan on unseen days."""
        trace = self.live(plan[None], unseen)
        shares = glucose_shares(trace.glucose_mgdl.reshape(1, -1))
        return {name: round(float(shares[name][0]), 2) for name in ("tir", "tbr", "tbr54", "tar", "gri")}


def make_twin(patient: VirtualPatients, therapy: Therapy, world: World, rng: np.random.Generator) -> Twin:
    """A twin of one patient, (1,), with its own draw of scenarios."""
    return Twin(patient, therapy, draw_circumstances(world, SCENARIOS, SCENARIO_DAYS, rng))


def random_search(evaluate: Evaluate, evaluations: int, rng: np.random.Generator) -> Found:
    """Plans drawn evenly from the whole box, the settings in use first."""
    track = _Track(evaluate)
    while (room := min(POPULATION, evaluations - track.evaluations)) > 0:
        track.look_at(_with_the_present(rng.uniform(LOWEST, HIGHEST, (room, len(PARTS))), track))
    return track.found()


def cross_entropy(evaluate: Evaluate, evaluations: int, rng: np.random.Generator) -> Found:
    """A normal distribution drawn towards the best plans of each round (Rubinstein, 1999)."""
    track, mean, sd = _Track(evaluate), np.zeros(len(PARTS)), np.full(len(PARTS), FIRST_SD)
    while (room := min(POPULATION, evaluations - track.evaluations)) > 0:
        plans = np.clip(rng.normal(mean, sd, (room, len(PARTS))), LOWEST, HIGHEST)
        plans = _with_the_present(plans, track)
        best = plans[np.argsort(track.look_at(plans), kind="stable")[:ELITE]]
        mean = SMOOTHING * mean + (1.0 - SMOOTHING) * best.mean(axis=0)
        sd = np.maximum(SMOOTHING * sd + (1.0 - SMOOTHING) * best.std(axis=0), LEAST_SD)
    return track.found()


def genetic(evaluate: Evaluate, evaluations: int, rng: np.random.Generator) -> Found:
    """Parents by tournament, children between them with mutations; the best plans live on (Holland, 1975)."""
    track = _Track(evaluate)
    start = np.clip(rng.normal(0.0, FIRST_SD, (min(POPULATION, evaluations), len(PARTS))), LOWEST, HIGHEST)
    plans = _with_the_present(start, track)
    costs = track.look_at(plans)
    while (room := min(POPULATION - ELITE, evaluations - track.evaluations)) > 0:
        children = _children(plans, costs, room, rng)
        kept = np.argsort(costs, kind="stable")[:ELITE]
        costs = np.concatenate([costs[kept], track.look_at(children)])
        plans = np.concatenate([plans[kept], children])
    return track.found()


SEARCHES: Final[Mapping[str, Search]] = {
    "cross-entropy": cross_entropy,
    "genetic": genetic,
    "random": random_search,
}
"""By name; the first is the default, best on unseen meals (tests/benchmarks/plan_search.py)."""


def _children(plans: Array, costs: Array, count: int, rng: np.random.Generator) -> Array:
    entrants = rng.integers(0, len(plans), (2, count, TOURNAMENT))
    parents = plans[np.take_along_axis(entrants, costs[entrants].argmin(axis=2)[..., None], axis=2)[..., 0]]
    share = rng.uniform(-0.25, 1.25, (count, len(PARTS)))
    children = share * parents[0] + (1.0 - share) * parents[1]
    changes = rng.random(children.shape) < MUTATION_SHARE
    mutated = children + changes * rng.normal(0.0, MUTATION_SD, children.shape)
    return np.asarray(np.clip(mutated, LOWEST, HIGHEST))


def _with_the_present(plans: Array, track: "_Track") -> Array:
    """In the first round one plan is the settings in use, so that no search can end worse than them."""
    if track.evaluations == 0:
        plans[0] = 0.0
    return plans


class _Track:
    """Counts evaluations and remembers the best plan."""

    def __init__(self, evaluate: Evaluate) -> None:
        self.evaluate = evaluate
        self.evaluations = 0
        self.best, self.cost = np.zeros(len(PARTS)), np.inf
        self.course: list[float] = []

    def look_at(self, plans: Array) -> Array:
        costs = self.evaluate(plans)
        self.evaluations += len(plans)
        if costs.min() < self.cost:
            self.best, self.cost = plans[costs.argmin()].copy(), float(costs.min())
        self.course.append(self.cost)
        return costs

    def found(self) -> Found:
        return Found(self.best, self.cost, tuple(self.course), self.evaluations)
