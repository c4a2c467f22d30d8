"""What was eaten and walked this evening, as shares of the person's own usual day: optional terms of tonight.

Sits beside `nocturnal_features`. Where too little was recorded a value is missing, and missing has no points.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.assessment import Input
from models.features.sampling import DAY_MS
from models.risk.causal_grid import Column, Slots
from models.time_series import TimeSeries

HOUR_MS: Final = DAY_MS // 24

CARBS: Final = "carbs_2_h_of_usual_day_percent"
STEPS: Final = "steps_6_h_of_usual_day_percent"

HOURS: Final[Mapping[str, int]] = {CARBS: 2, STEPS: 6}

DAYS: Final = 14
FEWEST_DAYS: Final = 3
"""A usual day is known from three of the last 14 days with a record, the last 24 hours among them: who keeps
no diary today has not fasted, and who wears no counter has not rested (our judgement)."""

SMALLEST_USUAL_DAY: Final[Mapping[str, float]] = {CARBS: 20.0, STEPS: 500.0}
"""Grams and steps. Shares of less than this say nothing (our judgement)."""


@dataclass(frozen=True, slots=True)
class Evening:
    """Series of carbohydrate in grams and of steps in intervals; None where the record has none."""

    carbs: TimeSeries | None = None
    steps: TimeSeries | None = None

    def features(self, as_of_ms: int) -> dict[str, Column]:
        """The optional features of one moment, float64[1] each, NaN where unknown. Nothing later is read."""
        asked = np.array([as_of_ms])
        return {
            name: np.array([np.nan])
            if series is None
            else of_usual_day(name, series.at_ms, series.value, asked)
            for name, series in self._by_feature().items()
        }

    def newest(self, as_of_ms: int) -> tuple[Input, ...]:
        """The newest entry of each series that a feature was made of."""
        known = self.features(as_of_ms)
        return tuple(
            _input(series, int(np.searchsorted(series.at_ms, as_of_ms, side="right")) - 1)
            for name, series in self._by_feature().items()
            if series is not None and not np.isnan(known[name][0])
        )

    def _by_feature(self) -> dict[str, TimeSeries | None]:
        return {CARBS: self.carbs, STEPS: self.steps}


def _input(series: TimeSeries, row: int) -> Input:
    reference = series.references[int(series.reference[row])]
    return Input(series.signal, float(series.value[row]), series.unit, int(series.at_ms[row]), reference)


def of_usual_day(name: str, at_ms: Slots, value: Column, asked_ms: Slots) -> Column:
    """Sum of the last hours as percent of the person's mean recorded day, float64[m]; `at_ms` is sorted."""
    total = np.concatenate([[0.0], np.cumsum(value)])
    before = np.searchsorted(at_ms, asked_ms[:, None] - np.arange(DAYS + 1) * DAY_MS, side="right")
    recorded = -np.diff(before, axis=1) > 0
    days = recorded.sum(axis=1)
    usual = (total[before[:, 0]] - total[before[:, -1]]) / np.maximum(days, 1)
    since = np.searchsorted(at_ms, asked_ms - HOURS[name] * HOUR_MS, side="right")
    enough = recorded[:, 0] & (days >= FEWEST_DAYS) & (usual >= SMALLEST_USUAL_DAY[name])
    lately = total[before[:, 0]] - total[since]
    return np.where(enough, 100 * lately / np.where(enough, usual, 1.0), np.nan)
