"""Counteraction: how fast glucose moved beyond what insulin explains, that is, what meals and the body added.

Sits on the insulin effect and under the observed absorption of carbohydrate. Formula: LoopKit/LoopAlgorithm,
GlucoseMath (MIT).
"""

from dataclasses import dataclass

import numpy as np

from models.dosing.insulin_doses import MS_PER_MIN
from models.dosing.schedule import Array, Instants
from models.time_series import TimeSeries

SHORTEST_STEP_MIN = 4.0  # readings closer together say more about noise than about glucose


@dataclass(frozen=True, slots=True)
class Counteraction:
    """Unexplained glucose velocity over stretches of time: columns of length n, mg/dL per minute."""

    start_ms: Instants
    end_ms: Instants
    mgdl_per_min: Array


def counteraction(glucose: TimeSeries, effect_at_ms: Instants, effect_mgdl: Array) -> Counteraction:
    """Velocity of glucose between readings minus that of the given cumulative effect.

    The effect is read at the first of its instants at or after each reading. A step between two sources or at
    a flagged or out-of-range reading is left out, and so is what lies outside the effect's instants.
    """
    pairs = [
        (a, b)
        for a, b in _steps(glucose, effect_at_ms)
        if glucose.source[a] == glucose.source[b] and _plain(glucose, a) and _plain(glucose, b)
    ]
    first, last = np.array(pairs, np.int64).reshape(-1, 2).T
    start_ms, end_ms = glucose.at_ms[first], glucose.at_ms[last]
    before = np.searchsorted(effect_at_ms, start_ms)
    # two readings in one step of the effect are explained by the whole of the next step
    after = np.maximum(np.searchsorted(effect_at_ms, end_ms), before + 1)
    covered = after < effect_at_ms.size
    moved = glucose.value[last] - glucose.value[first]
    explained = effect_mgdl[after[covered]] - effect_mgdl[before[covered]]
    minutes = (end_ms - start_ms)[covered] / MS_PER_MIN
    return Counteraction(start_ms[covered], end_ms[covered], (moved[covered] - explained) / minutes)


def _steps(glucose: TimeSeries, effect_at_ms: Instants) -> list[tuple[int, int]]:
    """Positions of consecutive readings more than four minutes apart that the effect covers."""
    if not len(glucose) or not effect_at_ms.size:
        return []
    begin = int(np.searchsorted(glucose.at_ms, effect_at_ms[0]))
    end = int(np.searchsorted(glucose.at_ms, effect_at_ms[-1], side="right"))
    steps = []
    for i in range(begin + 1, end):
        if glucose.at_ms[i] - glucose.at_ms[begin] > SHORTEST_STEP_MIN * MS_PER_MIN:
            steps.append((begin, i))
            begin = i
    return steps


def _plain(glucose: TimeSeries, i: int) -> bool:
    return not glucose.flag_sets[glucose.flags[i]] and not glucose.censored[i]
