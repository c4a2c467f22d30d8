"""Search for settings inside a twin: random, genetic and cross-entropy search at equal evaluations.

Sits on the simulator. A search yields the plans it wants to know the costs of, so that many searches may live
through one simulation. A plan is a vector of log insulin factors over the parts of a therapy; all plans live
through the same circumstances (common random numbers), and a plan whose outcome differs between them pays for
it. What is found is a direction for several visits: each step of it still passes the guards.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

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


Proposals = Generator[Array, Array, Found]
"""Yields plans, is sent their costs, and returns what it found."""

Search = Callable[[int, np.random.Generator], Proposals]
"""Of a number of evaluations."""


@dataclass(frozen=True)
class Twins:
    """n virtual patients with the settings in use, and the scenarios that every plan lives through."""

    patients: VirtualPatients
    therapy: Therapy
    scenarios: Circumstances

    def live(self, plans: Array, of: NDArray[np.int64], scenarios: Circumstances) -> Trace:
        """m plans of the patients at these positions in every scenario: plan 1 in all, then plan 2, ..."""
        each = len(scenarios.eaten_g)
        rows = np.repeat(np.arange(len(plans)), each)
        therapy = applied(self.therapy.take(of), plans).take(rows)
        lived = scenarios.take(np.tile(np.arange(each), len(plans)))
        return simulate(self.patients.take(of[rows]), therapy, lived)

    def costs(self, plans: Array, of: NDArray[np.int64]) -> Array:
        """Mean glycaemia risk index over the scenarios plus the penalty for its spread, (m,)."""
        trace = self.live(plans, of, self.scenarios)
        gri = glucose_shares(trace.glucose_mgdl)["gri"].reshape(len(plans), -1)
        return np.asarray(gri.mean(axis=1) + SPREAD_PENALTY * gri.std(axis=1))

    def outcomes(self, plans: Array, of: NDArray[np.int64], unseen: Circumstances) -> list[dict[str, float]]:
        """Time in range, below 70 and 54, above 180 (percent) and risk index of plans on unseen days."""
        trace = self.live(plans, of, unseen)
        shares = glucose_shares(trace.glucose_mgdl.reshape(len(plans), -1))
        names = ("tir", "tbr", "tbr54", "tar", "gri")
        return [{name: round(float(shares[name][i]), 2) for name in names} for i in range(len(plans))]


def make_twins(patients: VirtualPatients, therapy: Therapy, world: World, rng: np.random.Generator) -> Twins:
    """Twins with one draw of scenarios for all of them."""
    return Twins(patients, therapy, draw_circumstances(world, SCENARIOS, SCENARIO_DAYS, rng))


def run(proposals: Proposals, evaluate: Evaluate) -> Found:
    """One search to its end."""
    plans = next(proposals)
    while True:
        try:
            plans = proposals.send(evaluate(plans))
        except StopIteration as end:
            found: Found = end.value
            return found


def random_search(evaluations: int, rng: np.random.Generator) -> Proposals:
    """Plans drawn evenly from the whole box, the settings in use first."""
    track = _Track()
    while (room := min(POPULATION, evaluations - track.evaluations)) > 0:
        plans = track.with_the_present(rng.uniform(LOWEST, HIGHEST, (room, len(PARTS))))
        track.note(plans, (yield plans))
    return track.found()


def cross_entropy(evaluations: int, rng: np.random.Generator) -> Proposals:
    """A normal distribution drawn towards the best plans of each round (Rubinstein, 1999)."""
    track, mean, sd = _Track(), np.zeros(len(PARTS)), np.full(len(PARTS), FIRST_SD)
    while (room := min(POPULATION, evaluations - track.evaluations)) > 0:
        drawn = np.clip(rng.normal(mean, sd, (room, len(PARTS))), LOWEST, HIGHEST)
        plans = track.with_the_present(drawn)
        costs = track.note(plans, (yield plans))
        best = plans[np.argsort(costs, kind="stable")[:ELITE]]
        mean = SMOOTHING * mean + (1.0 - SMOOTHING) * best.mean(axis=0)
        sd = np.maximum(SMOOTHING * sd + (1.0 - SMOOTHING) * best.std(axis=0), LEAST_SD)
    return track.found()


def genetic(evaluations: int, rng: np.random.Generator) -> Proposals:
    """Parents by tournament, children between them with mutations; the best plans live on (Holland, 1975)."""
    track = _Track()
    drawn = rng.normal(0.0, FIRST_SD, (min(POPULATION, evaluations), len(PARTS)))
    plans = track.with_the_present(np.clip(drawn, LOWEST, HIGHEST))
    costs = track.note(plans, (yield plans))
    while (room := min(POPULATION - ELITE, evaluations - track.evaluations)) > 0:
        children = _children(plans, costs, room, rng)
        kept = np.argsort(costs, kind="stable")[:ELITE]
        costs = np.concatenate([costs[kept], track.note(children, (yield children))])
        plans = np.concatenate([plans[kept], children])
    return track.found()


SEARCHES: Final[Mapping[str, Search]] = {
    "genetic": genetic,
    "cross-entropy": cross_entropy,
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


class _Track:
    """Counts evaluations and remembers the best plan."""

    def __init__(self) -> None:
        self.evaluations = 0
        self.best, self.cost = np.zeros(len(PARTS)), np.inf
        self.course: list[float] = []

    def with_the_present(self, plans: Array) -> Array:
        """In the first round one plan is the settings in use, so that no search can end worse than them."""
        if self.evaluations == 0:
            plans[0] = 0.0
        return plans

    def note(self, plans: Array, costs: Array) -> Array:
        self.evaluations += len(plans)
        if costs.min() < self.cost:
            self.best, self.cost = plans[costs.argmin()].copy(), float(costs.min())
        self.course.append(self.cost)
        return costs

    def found(self) -> Found:
        return Found(self.best, self.cost, tuple(self.course), self.evaluations)
