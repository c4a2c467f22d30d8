"""Glucose forecast from insulin on board, meals, recent unexplained change and momentum.

Sits on all effects of this package and puts them together. Algorithm: LoopKit/LoopAlgorithm (MIT) with its
standard retrospective correction; equal to its recorded forecast (tests/test_insulin_and_carb_physiology.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.dosing.carb_absorption import CarbEntry
from models.dosing.counteraction import Counteraction, counteraction
from models.dosing.dynamic_carb_absorption import (
    AbsorptionRules,
    ObservedMeal,
    dynamic_carb_effect_mgdl,
    observe_meals,
)
from models.dosing.glucose_momentum import momentum_effect_mgdl, momentum_mgdl_per_min
from models.dosing.insulin_doses import MS_PER_MIN, STEP_MS, InsulinDoses
from models.dosing.insulin_effect import insulin_effect_mgdl
from models.dosing.insulin_on_board import RAPID_ADULT, InsulinCurve
from models.dosing.schedule import Array, Instants, Schedule
from models.time_series import TimeSeries

MOMENTUM_MIN: Final = 15
LOOK_BACK_MIN: Final = 180
GROUPING_MIN, GROUPING_SLACK = 30.0, 1.01
RECENT_MIN: Final = 15.0
CORRECTION_MIN: Final = 60
STEP_MIN: Final = STEP_MS / MS_PER_MIN


@dataclass(frozen=True, slots=True)
class GlucoseHistory:
    """What the forecast is made from: glucose up to now, doses relative to basal, meals, and the settings."""

    glucose: TimeSeries
    doses: InsulinDoses
    meals: Sequence[CarbEntry]
    carb_ratio_g_per_u: Schedule
    sensitivity_mgdl_per_u: Schedule
    curve: InsulinCurve = RAPID_ADULT
    rules: AbsorptionRules = field(default_factory=AbsorptionRules)


@dataclass(frozen=True, slots=True)
class GlucosePrediction:
    """Forecast: instants from the newest reading on, glucose, and the effects it adds up, on their own
    instants.
    """

    at_ms: Instants
    glucose_mgdl: Array
    counteraction: Counteraction
    meals: tuple[ObservedMeal, ...]


@dataclass(frozen=True, slots=True)
class _Timeline:
    """A cumulative effect at five-minute instants."""

    at_ms: Instants
    mgdl: Array


def predict_glucose(history: GlucoseHistory) -> GlucosePrediction:
    """Forecast from the newest reading until every effect has ended. Raises ValueError without a reading."""
    if not len(history.glucose):
        raise ValueError("a forecast starts from a glucose reading")
    now_ms = int(history.glucose.at_ms[-1])
    insulin = _insulin(history, now_ms)
    unexplained = counteraction(history.glucose, insulin.at_ms, insulin.mgdl)
    meals = observe_meals(
        history.meals, unexplained, history.carb_ratio_g_per_u, history.sensitivity_mgdl_per_u, history.rules
    )
    effects = [insulin]
    if meals:
        effects.append(_carbs(meals, now_ms, history.rules))
    effects.append(_retrospective(_discrepancies(unexplained, effects[1] if meals else None), now_ms))
    at_ms, change = _blended(_momentum(history.glucose, now_ms), effects, now_ms)
    glucose = float(history.glucose.value[-1]) + np.concatenate(([0.0], np.cumsum(change)))
    last_ms = now_ms + round(history.curve.end_min * MS_PER_MIN)
    at_ms = np.concatenate(([now_ms], at_ms))
    if at_ms[-1] < last_ms:
        at_ms, glucose = np.append(at_ms, last_ms), np.append(glucose, glucose[-1])
    return GlucosePrediction(at_ms, glucose, unexplained, meals)


def _grid(start_ms: float, end_ms: float) -> Instants:
    """Five-minute instants from at or before the start to at or after the end."""
    first, last = int(start_ms // STEP_MS), int(-(-end_ms // STEP_MS))
    return np.arange(first, last + 1, dtype=np.int64) * STEP_MS


def _insulin(history: GlucoseHistory, now_ms: int) -> _Timeline:
    starts, ends = history.doses.start_ms, history.doses.end_ms
    first = min(int(history.glucose.at_ms[0]), *starts.tolist(), now_ms)
    last = max(now_ms, *(ends + round(history.curve.end_min * MS_PER_MIN)).tolist())
    at_ms = _grid(first, last)
    effect = insulin_effect_mgdl(history.doses, history.sensitivity_mgdl_per_u, at_ms, history.curve)
    return _Timeline(at_ms, effect)


def _carbs(meals: Sequence[ObservedMeal], now_ms: int, rules: AbsorptionRules) -> _Timeline:
    last = max(
        meal.entry.at_ms + (meal.observed_min + meal.remaining_min + rules.delay_min) * MS_PER_MIN
        for meal in meals
    )
    at_ms = _grid(now_ms - LOOK_BACK_MIN * MS_PER_MIN, last)
    return _Timeline(at_ms, dynamic_carb_effect_mgdl(meals, at_ms, rules))


def _discrepancies(unexplained: Counteraction, carbs: _Timeline | None) -> _Timeline:
    """What neither insulin nor meals explain, for each step of glucose at its end (not cumulative)."""
    end_ms, moved = unexplained.end_ms, unexplained.mgdl_per_min * STEP_MIN
    if carbs is None or not end_ms.size:
        return _Timeline(end_ms, moved)
    later = carbs.at_ms >= end_ms[0]
    at_ms, mgdl = carbs.at_ms[later], carbs.mgdl[later]
    if not at_ms.size:
        return _Timeline(end_ms, moved)
    inside = end_ms >= at_ms[0]
    end_ms, moved = end_ms[inside], moved[inside].copy()
    rise = np.diff(mgdl)
    step = 0
    for i, end in enumerate(end_ms.tolist()):
        while step < rise.size and at_ms[step + 1] < end:
            step += 1
        if step < rise.size:
            moved[i] -= rise[step]
            step += 1
    return _Timeline(end_ms, moved)


def _retrospective(discrepancies: _Timeline, now_ms: int) -> _Timeline:
    """The last half hour's discrepancy carried on, fading within an hour; nothing where it is not recent."""
    at_ms = discrepancies.at_ms
    if not at_ms.size or now_ms - at_ms[-1] > RECENT_MIN * MS_PER_MIN:
        return _Timeline(np.empty(0, np.int64), np.empty(0))
    recent = at_ms >= at_ms[-1] - GROUPING_MIN * GROUPING_SLACK * MS_PER_MIN
    minutes = max((at_ms[-1] - at_ms[recent][0]) / MS_PER_MIN, GROUPING_MIN)
    velocity = discrepancies.mgdl[recent].sum() / minutes
    grid = _grid(now_ms, now_ms + CORRECTION_MIN * MS_PER_MIN)[:-1]
    since_min = (grid[1:] - now_ms) / MS_PER_MIN - STEP_MIN
    steps = velocity * (1.0 - since_min / (CORRECTION_MIN - STEP_MIN)) * STEP_MIN
    return _Timeline(grid, np.concatenate(([0.0], np.cumsum(steps))))


def _momentum(glucose: TimeSeries, now_ms: int) -> _Timeline | None:
    recent = glucose.take(glucose.at_ms >= now_ms - MOMENTUM_MIN * MS_PER_MIN)
    slope = momentum_mgdl_per_min(recent)
    if slope is None:
        return None
    at_ms = _grid(now_ms, now_ms + MOMENTUM_MIN * MS_PER_MIN)
    return _Timeline(at_ms, momentum_effect_mgdl(slope, now_ms, at_ms))


def _blended(momentum: _Timeline | None, effects: Sequence[_Timeline], now_ms: int) -> tuple[Instants, Array]:
    """Change of glucose in each step after now: the effects' sum, faded in from the momentum."""
    timelines = [t for t in (*effects, momentum) if t is not None and t.at_ms.size]
    at_ms = _grid(min(t.at_ms[0] for t in timelines), max(t.at_ms[-1] for t in timelines))
    change = np.zeros(at_ms.size)
    for timeline in effects:
        if timeline.at_ms.size:
            first = int(np.searchsorted(at_ms, timeline.at_ms[0]))
            change[first + 1 : first + timeline.at_ms.size] += np.diff(timeline.mgdl)
    if momentum is not None:
        first, steps = int(np.searchsorted(at_ms, momentum.at_ms[0])), momentum.at_ms.size
        slope = 1.0 / (steps - 2)
        offset = (now_ms - int(momentum.at_ms[0])) / STEP_MS * slope
        share = np.clip((steps - np.arange(steps)) * slope - slope + offset, 0.0, 1.0)
        own = np.concatenate(([0.0], np.diff(momentum.mgdl)))
        part = slice(first, first + steps)
        change[part] = (1.0 - share) * change[part] + share * own
    after = at_ms > now_ms
    return at_ms[after], change[after]
