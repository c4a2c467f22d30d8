"""A trial of setting adjustment in simulation: mis-set therapies, reviewed every two weeks by each arm.

Sits on the simulator and the arms. All arms live through the same circumstances; after each review the
therapy is judged on fortnights that no arm has seen, the same for every arm and every cycle, by true glucose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.dosing.setting_features import TherapyRecord, setting_features
from models.dosing.therapy import Therapy
from models.simulation.arms import Arm, Review
from models.simulation.run import Trace, simulate
from models.simulation.therapy_cases import GROUPS, TherapyCases, draw_cases
from models.simulation.trial_measures import Visit, judged_shares, measured
from models.simulation.worlds import Circumstances, World, draw_circumstances

DAYS = 14
ANY_SEED = 2**64  # seeds count in this range, so that every whole number is one


@dataclass(frozen=True)
class _Seeds:
    """Independent streams of one trial, so that more cycles or arms change nothing that was there before."""

    cases: np.random.Generator
    judged: np.random.Generator
    lived: tuple[np.random.Generator, ...]


def trial(arms: Mapping[str, Arm], world: World, cases: int, cycles: int, seed: int) -> dict[str, Any]:
    """Run every arm on the same cases.

    Returns {"world", "cases", "seed", "arms": {arm: [row per cycle]}, "groups": {group: the same by arm}}; a
    row has cycle, tir, tbr, tbr54, tar, gri (means over cases, percent), share_tbr_over_4 (percent of cases),
    contraindicated (percent of reviews that added insulin in spite of recorded lows), failed (percent of
    cases whose risk index is well above that of the unchanged therapy) and direction_agreement (percent of
    the settings changed that moved towards the reference; None where none was).
    """
    if cases < len(GROUPS):
        raise ValueError(f"a trial needs at least {len(GROUPS)} cases, one of each group")
    seeds = _seeds(seed, cycles)
    everyone = draw_cases(cases, seeds.cases)
    judged = draw_circumstances(world, cases, DAYS, seeds.judged)
    unchanged = judged_shares(_live(everyone, {"": everyone.start}, judged)[""].glucose_mgdl)
    therapies = dict.fromkeys(arms, everyone.start)
    reviews: dict[str, tuple[Review, ...]] = dict.fromkeys(arms, ())
    rows: dict[str, list[list[dict[str, Any]]]] = {name: [] for name in arms}
    for cycle, rng in enumerate(seeds.lived, start=1):
        lived = draw_circumstances(world, cases, DAYS, rng)
        traces = _live(everyone, therapies, lived)
        for name, arm in arms.items():
            review = _review(everyone, therapies[name], traces[name], reviews[name])
            therapies[name] = arm(review)
            reviews[name] += (review,)
        outcome = _live(everyone, therapies, judged)
        for name in arms:
            shares = judged_shares(outcome[name].glucose_mgdl)
            visit = Visit(everyone, reviews[name][-1], therapies[name], shares, unchanged)
            rows[name].append([{"cycle": cycle} | row for row in measured(visit)])
    return {
        "world": world.name,
        "cases": cases,
        "seed": seed,
        "arms": {name: [by_group[0] for by_group in rows[name]] for name in arms},
        "groups": {
            group: {name: [by_group[i] for by_group in rows[name]] for name in arms}
            for i, group in enumerate(GROUPS, start=1)
        },
    }


def _seeds(seed: int, cycles: int) -> _Seeds:
    cases, judged, lived = (np.random.SeedSequence((seed % ANY_SEED, i)) for i in range(3))
    return _Seeds(
        np.random.default_rng(cases),
        np.random.default_rng(judged),
        tuple(np.random.default_rng(s) for s in lived.spawn(cycles)),
    )


def _live(cases: TherapyCases, therapies: Mapping[str, Therapy], around: Circumstances) -> dict[str, Trace]:
    """All arms in one batch: row by row the same patients and circumstances."""
    n = len(cases)
    rows = np.tile(np.arange(n), len(therapies))
    columns = ("basal_u_per_h", "carb_ratio_g_per_u", "sensitivity_mgdl_per_u")
    stacked = Therapy(*(np.concatenate([getattr(t, c) for t in therapies.values()]) for c in columns))
    trace = simulate(cases.patients.take(rows), stacked, around.take(rows))
    return {name: trace.take(np.arange(i * n, (i + 1) * n)) for i, name in enumerate(therapies)}


def _review(cases: TherapyCases, therapy: Therapy, trace: Trace, earlier: tuple[Review, ...]) -> Review:
    record = TherapyRecord(
        trace.cgm_mgdl, trace.basal_u, trace.bolus_u, trace.announced_g, therapy, cases.patients.weight_kg
    )
    return Review(cases.patients.name, record, setting_features(record), cases.reference, earlier)
