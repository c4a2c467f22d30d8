"""The glucose forecast of many moments of one person: boosted changes, intervals from own past errors.

Sits between `glucose_forecast` and its parts; serving, training and evaluation state forecasts by this code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import MINUTES_PER_SLOT, Column, Slots
from models.risk.glucose_forecast_features import (
    SENSOR_RANGE_MGDL,
    answerable,
    forecast_features,
    matrix,
    recent_features,
)
from models.risk.glucose_forecast_interval import ASKED_EVERY_SLOTS, ErrorInputs, ErrorModel
from models.risk.glucose_forecast_trees import Trees

Array = NDArray[np.float64]

LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles that are stated; the outer two end the 90 % interval."""


@dataclass(frozen=True, slots=True)
class Knot:
    """The forecast of one horizon: the linear reference, the trees upon it, the error model."""

    horizon_min: int
    errors: ErrorModel
    trees: Trees

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Self:
        """The knot of an artefact's table."""
        trees = Trees.from_json(table["trees"], table["depth"])
        return cls(table["horizon_min"], ErrorModel.from_json(table), trees)

    @property
    def slots(self) -> int:
        """The horizon in slots."""
        return self.horizon_min // MINUTES_PER_SLOT

    @property
    def delay(self) -> int:
        """After how many questions an error is known."""
        return -(-self.slots // ASKED_EVERY_SLOTS)

    def change(self, inputs: ErrorInputs, rows: Array) -> Array:
        """Expected change from the newest reading, mg/dL, float64[m]; `rows` as `matrix` gives them."""
        return inputs.reference @ self.errors.reference + self.trees.sum(rows)


@dataclass(frozen=True, slots=True)
class PastQuestions:
    """Every question of a person, every 15 minutes at `grid`, with what the interval needs of each."""

    measured: Column
    grid: Slots
    now: Column
    inputs: ErrorInputs
    answerable: NDArray[np.bool_]

    @classmethod
    def of(cls, measured: Column, grid: Slots) -> Self:
        """The questions at these slots of a person's readings."""
        recent = recent_features(measured, grid)
        inputs = ErrorInputs.of(recent)
        return cls(measured, grid, recent["glucose_mgdl"], inputs, answerable(measured, grid))

    def errors(self, model: ErrorModel, slots: int) -> Array:
        """Errors of the reference so many slots ahead, in ruler lengths; NaN where not known."""
        change = change_after(self.measured, self.grid, self.now, slots)
        return model.errors(self.inputs, np.where(self.answerable, change, np.nan))


def change_after(measured: Column, at: Slots, now: Column, slots: int) -> Array:
    """What was read so many slots after each of `at`, less the newest reading then; NaN where nothing was."""
    then = at + slots
    read = np.where(then < measured.size, measured[np.minimum(then, measured.size - 1)], np.nan)
    return np.clip(read, *SENSOR_RANGE_MGDL) - now


def stated(knots: tuple[Knot, ...], measured: Column, grid: Slots, asked: Slots) -> tuple[Array, Array]:
    """Expected glucose float64[m, knots] and its quantiles float64[m, knots, levels] at `grid[asked]`, mg/dL.

    `grid` are the slots of a person's questions, every 15 minutes; `asked` indexes those to be answered.
    """
    past = PastQuestions.of(measured, grid)
    features = forecast_features(measured, grid[asked])
    inputs, rows = ErrorInputs.of(features), matrix(features)
    expected, quantiles = [], []
    for knot in knots:
        centre = features["glucose_mgdl"] + knot.change(inputs, rows)
        spread = knot.errors.quantiles(past.errors(knot.errors, knot.slots), asked, knot.delay, LEVELS)
        expected.append(centre)
        quantiles.append(centre[:, None] + spread * knot.errors.length(inputs)[:, None])
    return np.stack(expected, axis=1), np.stack(quantiles, axis=1)
