"""Carbohydrate absorption as observed: meals credited with the glucose rise that insulin does not explain.

Sits on counteraction and on the modelled absorption; answers carbs on board and carb effect over time.
Algorithm: LoopKit/LoopAlgorithm, CarbMath and CarbStatus (MIT).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.dosing.carb_absorption import EFFECT_DELAY_MIN, PIECEWISE_LINEAR, AbsorptionCurve, CarbEntry
from models.dosing.counteraction import Counteraction
from models.dosing.insulin_doses import MS_PER_MIN, STEP_MS
from models.dosing.schedule import Array, Instants, Schedule

SMALLEST_MGDL = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, slots=True)
class AbsorptionRules:
    """How observation and model are combined.

    Attributes:
        curve: modelled absorption.
        overrun: longest absorption time, relative to the entered one; sets the least that must have absorbed.
        initial_overrun: absorption time before anything is observed, relative to the entered one.
        delay_min: before which no absorption is assumed.
        adaptive: let the observed pace set the remaining time, after `adaptive_after` of the initial time.
    """

    curve: AbsorptionCurve = PIECEWISE_LINEAR
    overrun: float = 1.5
    initial_overrun: float = 1.5
    delay_min: float = EFFECT_DELAY_MIN
    adaptive: bool = False
    adaptive_after: float = 0.2


@dataclass(frozen=True, slots=True)
class ObservedMeal:
    """What became of one carb entry.

    Attributes:
        entry: as entered; sensitivity_mgdl_per_g: the rise that one gram of it causes.
        observed_g: credited by observation; absorbed_g: the same within what is possible.
        start_ms, end_ms, step_g: the observed absorption, columns; empty where less was observed than must
        have been.
        observed_min, remaining_min: time from the entry to the end of its observation, and expected from
        there.
        effective_min: time in which the model would have absorbed what was observed.
    """

    entry: CarbEntry
    sensitivity_mgdl_per_g: float
    observed_g: float
    absorbed_g: float
    start_ms: Instants
    end_ms: Instants
    step_g: Array
    observed_min: float
    remaining_min: float
    effective_min: float


def observe_meals(
    entries: Sequence[CarbEntry],
    counteraction: Counteraction,
    carb_ratio_g_per_u: Schedule,
    sensitivity_mgdl_per_u: Schedule,
    rules: AbsorptionRules = AbsorptionRules(),
) -> tuple[ObservedMeal, ...]:
    """Credit each entry (in order of time) with the part of the counteraction that it is likely to have
    caused.

    Several meals share a rise in proportion to their expected rates; what none can take goes to the last one.
    """
    until_ms = int(counteraction.end_ms[-1]) if counteraction.end_ms.size else None
    meals = []
    for entry in entries:
        per_gram = float(sensitivity_mgdl_per_u.at(entry.at_ms) / carb_ratio_g_per_u.at(entry.at_ms))
        meals.append(_MealInProgress(entry, per_gram, rules, until_ms))
    for start_ms, end_ms, velocity in zip(
        counteraction.start_ms.tolist(),
        counteraction.end_ms.tolist(),
        counteraction.mgdl_per_min,
        strict=True,
    ):
        rise_mgdl = max(0.0, float(velocity) * (end_ms - start_ms) / MS_PER_MIN)
        _credit([m for m in meals if m.may_absorb(start_ms)], start_ms, end_ms, rise_mgdl)
    return tuple(meal.result() for meal in meals)


def dynamic_carbs_on_board_g(meals: Sequence[ObservedMeal], at_ms: Instants, rules: AbsorptionRules) -> Array:
    """Carbohydrate eaten and not yet absorbed at each instant, g, (len(at_ms),)."""
    total = np.zeros(at_ms.size)
    for meal in meals:
        eaten = at_ms >= meal.entry.at_ms - STEP_MS
        seen = np.array([meal.step_g[meal.end_ms <= t].sum() for t in at_ms])
        observed = np.maximum(meal.entry.grams - seen, 0.0)
        expected = meal.entry.grams - _expected_g(meal, at_ms, rules)
        total += np.where(eaten, np.where(_is_observed(meal, at_ms), observed, expected), 0.0)
    return total


def dynamic_carb_effect_mgdl(meals: Sequence[ObservedMeal], at_ms: Instants, rules: AbsorptionRules) -> Array:
    """Cumulative rise of glucose caused by the meals, mg/dL, (len(at_ms),)."""
    total = np.zeros(at_ms.size)
    for meal in meals:
        observed = np.array([_absorbed_by(meal, int(t)) for t in at_ms])
        expected = _expected_g(meal, at_ms, rules)
        absorbed = np.where(_is_observed(meal, at_ms), observed, expected)
        total += meal.sensitivity_mgdl_per_g * np.where(at_ms >= meal.entry.at_ms, absorbed, 0.0)
    return total


def _is_observed(meal: ObservedMeal, at_ms: Instants) -> np.ndarray:
    return at_ms <= meal.end_ms[-1] if meal.end_ms.size else np.zeros(at_ms.size, bool)


def _expected_g(meal: ObservedMeal, at_ms: Instants, rules: AbsorptionRules) -> Array:
    """Modelled absorption: from the entry on where nothing was observed, else from the end of observation
    on.
    """
    if meal.end_ms.size:
        minutes = (at_ms - meal.end_ms[-1]) / MS_PER_MIN + meal.effective_min
        length_min = meal.effective_min + meal.remaining_min
    else:
        minutes = (at_ms - meal.entry.at_ms) / MS_PER_MIN - rules.delay_min
        length_min = meal.observed_min + meal.remaining_min
    if length_min <= 0.0:
        return np.where(minutes >= 0.0, meal.entry.grams, 0.0)
    return meal.entry.grams * rules.curve.absorbed_fraction(minutes / length_min)


def _absorbed_by(meal: ObservedMeal, at_ms: int) -> float:
    """Observed absorption up to an instant; of the last step begun, the share that lies before it."""
    begun = np.flatnonzero(meal.start_ms + STEP_MS <= at_ms)
    if not begun.size:
        return 0.0
    last = begun[-1]
    share = (min(at_ms, meal.end_ms[last]) - meal.start_ms[last]) / (meal.end_ms[last] - meal.start_ms[last])
    return float(min(meal.step_g[begun[:-1]].sum() + share * meal.step_g[last], meal.entry.grams))


def _credit(meals: list["_MealInProgress"], start_ms: int, end_ms: int, rise_mgdl: float) -> None:
    rates = [meal.expected_rate(start_ms) for meal in meals]
    total_rate = sum(rates)
    for meal, rate in zip(meals, rates, strict=True):
        share = 0.0
        if total_rate > 0.0:
            share = min(meal.remaining_mgdl, rate / total_rate * rise_mgdl)
            total_rate -= rate
            rise_mgdl -= share
        meal.absorb(share, start_ms, end_ms)
    if meals and rise_mgdl > SMALLEST_MGDL:
        meals[-1].absorb(rise_mgdl, start_ms, end_ms)


class _MealInProgress:
    """A meal while the observations are dealt out to it."""

    def __init__(
        self, entry: CarbEntry, per_gram: float, rules: AbsorptionRules, until_ms: int | None
    ) -> None:
        self.entry, self.per_gram, self.rules = entry, per_gram, rules
        self.longest_min = entry.absorption_min * rules.overrun
        self.initial_min = entry.absorption_min * rules.initial_overrun
        self.latest_ms = entry.at_ms + round((self.longest_min + rules.delay_min) * MS_PER_MIN)
        self.until_ms = min(self.latest_ms, max(until_ms or entry.at_ms, entry.at_ms))
        self.observed_mgdl = 0.0
        self.complete_ms: int | None = None
        self.steps: list[tuple[int, int, float]] = []

    def may_absorb(self, at_ms: int) -> bool:
        return self.entry.at_ms <= at_ms < self.latest_ms

    @property
    def remaining_mgdl(self) -> float:
        return max(self.entry.grams * self.per_gram - self.observed_mgdl, 0.0)

    @property
    def acting_min(self) -> float:
        """Minutes of absorption that lie behind the last observation."""
        return (self.until_ms - self.entry.at_ms) / MS_PER_MIN - self.rules.delay_min

    @property
    def observed_min(self) -> float:
        end_ms = self.until_ms if self.complete_ms is None else self.complete_ms
        return (end_ms - self.entry.at_ms) / MS_PER_MIN

    @property
    def least_g(self) -> float:
        return self.entry.grams * float(
            self.rules.curve.absorbed_fraction(self.acting_min / self.longest_min)
        )

    @property
    def absorbed_g(self) -> float:
        return min(self.entry.grams, max(self.least_g, self.observed_mgdl / self.per_gram))

    @property
    def absorbed_fraction(self) -> float:
        return self.absorbed_g / self.entry.grams if self.entry.grams > 0.0 else 1.0

    @property
    def _pace_is_observed(self) -> bool:
        return self.rules.adaptive and self.acting_min > self.initial_min * self.rules.adaptive_after

    @property
    def effective_min(self) -> float:
        if self.acting_min <= 0.0:
            return 0.0
        modelled = self.rules.curve.time_fraction(self.absorbed_fraction) * self.initial_min
        return min(self.acting_min if self._pace_is_observed else modelled, self.longest_min)

    @property
    def remaining_min(self) -> float:
        if self.acting_min <= 0.0:
            return self.initial_min
        longest_min = max(self.longest_min - self.acting_min, 0.0)
        if self._pace_is_observed:
            share = max(self.rules.curve.time_fraction(self.absorbed_fraction), float(np.finfo(float).eps))
            return min(self.acting_min / share - self.acting_min, longest_min)
        return min(self.initial_min - self.effective_min, longest_min)

    def expected_rate(self, at_ms: int) -> float:
        """Expected absorption at an instant, g/min."""
        length_min = min(self.observed_min + self.remaining_min, self.longest_min)
        if length_min <= 0.0:
            return 0.0
        since_min = (at_ms - self.entry.at_ms) / MS_PER_MIN
        return self.entry.grams / length_min * self.rules.curve.rate(since_min / length_min)

    def absorb(self, rise_mgdl: float, start_ms: int, end_ms: int) -> None:
        """Credit a rise; the timeline is kept until the whole meal has been seen."""
        self.observed_mgdl += rise_mgdl
        if self.complete_ms is None:
            self.steps.append((start_ms, end_ms, rise_mgdl / self.per_gram))
            if self.observed_mgdl + SMALLEST_MGDL >= self.entry.grams * self.per_gram:
                self.complete_ms = end_ms

    def result(self) -> ObservedMeal:
        observed_g = self.observed_mgdl / self.per_gram
        steps = self.steps if observed_g >= self.least_g else []
        return ObservedMeal(
            entry=self.entry,
            sensitivity_mgdl_per_g=self.per_gram,
            observed_g=observed_g,
            absorbed_g=self.absorbed_g,
            start_ms=np.array([s for s, _, _ in steps], np.int64),
            end_ms=np.array([e for _, e, _ in steps], np.int64),
            step_g=np.array([g for _, _, g in steps], np.float64),
            observed_min=self.observed_min,
            remaining_min=self.remaining_min,
            effective_min=self.effective_min,
        )
