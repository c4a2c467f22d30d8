"""A trial of setting adjustment in simulation: mis-set therapies, reviewed every two weeks by each arm.

Sits on the simulator and the arms. All arms live through the same circumstances; after each review the
therapy is judged on fortnights that no arm has seen, the same for every arm and every cycle, by true glucose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.dosing.setting_features import TherapyRecord, glucose_shares, setting_features
from models.dosing.setting_guards import lows_forbid_more_insulin
from models.dosing.therapy import Array, Therapy
from models.simulation.arms import Arm, Review
from models.simulation.run import Trace, simulate
from models.simulation.therapy_cases import GROUPS, TherapyCases, draw_cases
from models.simulation.worlds import Circumstances, World, draw_circumstances

DAYS = 14
TBR_TARGET_PERCENT = 4.0
GRI_CAP = 100.0
CHANGED = 1e-6  # relative; a smaller difference between two settings is no change
ANY_SEED = 2**64  # seeds count in this range, so that every whole number is one
MIS_SET = 0.05  # relative; a setting nearer to the reference counts as right


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
    contraindicated (percent of reviews that added insulin in spite of recorded lows) and direction_agreement
    (percent of the settings changed that moved towards the reference; None where none was).
    """
    if cases < len(GROUPS):
        raise ValueError(f"a trial needs at least {len(GROUPS)} cases, one of each group")
    seeds = _seeds(seed, cycles)
    everyone = draw_cases(cases, seeds.cases)
    judged = draw_circumstances(world, cases, DAYS, seeds.judged)
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
            rows[name].append(_rows(cycle, everyone, reviews[name][-1], therapies[name], outcome[name]))
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


def _rows(
    cycle: int, cases: TherapyCases, review: Review, after: Therapy, trace: Trace
) -> list[dict[str, Any]]:
    """One row for all cases, then one for each group."""
    shares = glucose_shares(trace.glucose_mgdl)
    shares["gri"] = np.minimum(shares["gri"], GRI_CAP)
    before = review.record.therapy
    insulin = _log_insulin(after) - _log_insulin(before)
    adds = (insulin > CHANGED).any(axis=1)
    wrong = adds & lows_forbid_more_insulin(review.features["tbr"], review.features["tbr54"])
    wanted = _log_insulin(cases.reference) - _log_insulin(before)
    everybody = np.ones(len(cases), bool)
    return [
        {"cycle": cycle}
        | {name: round(float(shares[name][of].mean()), 3) for name in ("tir", "tbr", "tbr54", "tar", "gri")}
        | {
            "share_tbr_over_4": round(100.0 * float((shares["tbr"][of] > TBR_TARGET_PERCENT).mean()), 3),
            "contraindicated": round(100.0 * float(wrong[of].mean()), 3),
            "direction_agreement": _agreement(insulin[of], wanted[of]),
        }
        for of in (everybody, *(cases.patients.group == group for group in GROUPS))
    ]


def _log_insulin(therapy: Therapy) -> Array:
    """Logarithm of how much insulin each setting gives, by hour, (n, 72)."""
    return np.concatenate(
        [
            np.log(therapy.basal_u_per_h),
            -np.log(therapy.carb_ratio_g_per_u),
            -np.log(therapy.sensitivity_mgdl_per_u),
        ],
        axis=1,
    )


def _agreement(changed: Array, wanted: Array) -> float | None:
    counted = (np.abs(changed) > CHANGED) & (np.abs(wanted) > MIS_SET)
    if not counted.any():
        return None
    return round(100.0 * float((changed[counted] * wanted[counted] > 0.0).mean()), 3)
