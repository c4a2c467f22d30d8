"""How wide the forecast's interval is: a ruler from the last hours, and how this person's own days compare.

Sits under `glucose_forecast`. Split conformal prediction, adapted to the person: the errors of a linear
reference forecast in the last 14 days, measured with the ruler, make the person's own distribution; what few
errors cannot tell is lent from everybody's (compare Gibbs and Candes, arXiv 2106.00170). Nothing looks ahead:
an error counts once the reading that shows it has been taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import SLOTS_PER_DAY, Column, Slots

Array = NDArray[np.float64]

LEVEL_MGDL: Final = 150.0
LEARNED_DAYS: Final = 14
ASKED_EVERY_SLOTS: Final = 3
MEMORY: Final = LEARNED_DAYS * SLOTS_PER_DAY // ASKED_EVERY_SLOTS

NEAR: Final = np.round(np.arange(-6.0, 6.01, 0.4), 1)
FAR: Final = np.array([7.0, 9.0, 12.0, 16.0, 24.0])
CELL_ENDS: Final = np.concatenate([-FAR[::-1], NEAR, FAR])
"""Errors are counted in cells of the ruler; between two ends shares are taken to rise evenly. The far cells
are for people whose sensor is noisier within minutes than any ruler from their last hours can tell."""

RULER_TERMS: Final = ("slope_15_min_mgdl_per_min", "slope_30_min_mgdl_per_min", "sd_1_h_mgdl")
SPREAD_MGDL: Final = 25.0
"""Least spread of a day that was not observed (our judgement)."""

SMALLEST_SHARE: Final = 1e-12
SHORTEST_SHARE: Final = 0.3
"""No ruler is shorter than this share of the usual one (our judgement)."""


def reference_inputs(features: Mapping[str, Column]) -> Array:
    """What the linear reference sees: level, slopes, spread and lags; float64[m, terms], 0 where unknown."""
    level = features["glucose_mgdl"] - LEVEL_MGDL
    changes = [column for name, column in features.items() if name.startswith(("slope", "change_since"))]
    columns = [np.ones(level.size), level, level**2 / 100.0, *changes]
    return _known(np.column_stack(columns))


def ruler_inputs(features: Mapping[str, Column]) -> Array:
    """What makes an error likely to be large: level, slopes either way, unrest; float64[m, terms].

    The spread of a day that is not known is taken from the last three hours, and never small.
    """
    level, apart = features["glucose_mgdl"], _known(features["above_mean_24_h_mgdl"])
    hours = _known(features["sd_3_h_mgdl"])
    day = features["sd_24_h_mgdl"]
    spread = np.where(np.isnan(day), np.maximum(hours, SPREAD_MGDL), day)
    terms = [_known(np.abs(features[name])) for name in RULER_TERMS]
    columns = [np.ones(level.size), level, np.abs(level - LEVEL_MGDL), spread, hours, *terms]
    found: Array = np.column_stack([*columns, np.maximum(apart, 0.0), np.maximum(-apart, 0.0)])
    return found


def _known(values: Array) -> Array:
    """0 where unknown: a term that says nothing."""
    return np.where(np.isnan(values), 0.0, values)


@dataclass(frozen=True, slots=True)
class ErrorInputs:
    """`reference_inputs` and `ruler_inputs` of the same questions; the same for every horizon."""

    reference: Array
    ruler: Array

    @classmethod
    def of(cls, features: Mapping[str, Column]) -> Self:
        """Those of some features, of which `recent_features` are enough."""
        return cls(reference_inputs(features), ruler_inputs(features))


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """Of one horizon: `reference` and `ruler` weigh their inputs, `shares` is everybody's distribution.

    `shares` float64[cells]: the share of errors at or below each of `CELL_ENDS`. `lent` is how many errors
    everybody's distribution counts for beside a person's own. `narrower` is how much the errors of the
    forecast itself are smaller than those of the reference.
    """

    reference: Array
    ruler: Array
    usual: float
    shares: Array
    lent: float
    narrower: float

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Self:
        """The error model of a table with these names."""
        reference, ruler, shares = (np.array(table[name]) for name in ("reference", "ruler", "shares"))
        return cls(reference, ruler, table["usual"], shares, table["lent"], table["narrower"])

    def length(self, inputs: ErrorInputs) -> Array:
        """The ruler's length in mg/dL: about the mean error to expect."""
        length: Array = np.maximum(inputs.ruler @ self.ruler, SHORTEST_SHARE * self.usual)
        return length

    def errors(self, inputs: ErrorInputs, change: Array) -> Array:
        """Errors of the reference in lengths of the ruler; `change` is what followed, NaN where unknown."""
        return (change - inputs.reference @ self.reference) / self.length(inputs)

    def quantiles(self, errors: Array, asked: Slots, delay: int, levels: tuple[float, ...]) -> Array:
        """Quantiles of a person's errors in ruler lengths as of each question, float64[m, levels].

        `errors` float64[n] belong to questions every 15 minutes; `asked` indexes them, and `delay` is after
        how many of them an error is known.
        """
        end = np.maximum(asked - delay + 1, 0)
        since, until = _counted(errors, np.stack([np.maximum(end - MEMORY, 0), end]))
        own, count = (until - since)[:, :-1], (until - since)[:, -1:]
        shares = (own + self.lent * self.shares) / (count + self.lent)
        return _inverse(shares, np.array(levels)) * self.narrower


def _counted(errors: Array, before: Slots) -> NDArray[np.int64]:
    """How many of the errors before each position are at or below each end of the cells; last, of all.

    `before` int64[2, m] to int64[2, m, cells + 1]. Errors that are not known count nowhere.
    """
    cell = np.where(np.isnan(errors), CELL_ENDS.size + 1, np.searchsorted(CELL_ENDS, errors))
    stop = np.unique(before)
    part = np.searchsorted(stop, np.arange(errors.size), side="right")
    cells = CELL_ENDS.size + 2
    table = np.bincount(part * cells + cell, minlength=(stop.size + 1) * cells).reshape(-1, cells)
    counted: NDArray[np.int64] = table.cumsum(axis=0)[np.searchsorted(stop, before)].cumsum(axis=-1)
    return counted[..., :-1]


def _inverse(shares: Array, levels: Array) -> Array:
    """Where the shares reach each level, evenly between two ends; float64[m, cells] to float64[m, levels]."""
    below = (shares[:, None, :] < levels[:, None]).sum(axis=2)
    cell = np.clip(below, 1, CELL_ENDS.size - 1)
    row = np.arange(len(shares))[:, None]
    low, high = shares[row, cell - 1], shares[row, cell]
    part = np.clip((levels - low) / np.maximum(high - low, SMALLEST_SHARE), 0.0, 1.0)
    found: Array = CELL_ENDS[cell - 1] + part * (CELL_ENDS[cell] - CELL_ENDS[cell - 1])
    return found
