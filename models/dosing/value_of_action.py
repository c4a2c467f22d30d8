"""Value of action: for each change of type 1 settings, what it is expected to do to glucose.

Sits between setting features and the ranked alternatives on a card; the guards stand outside. An additive
model, trained in simulation (models.training.train_value_of_action): the effect of a change is linear and
quadratic in the change of insulin of each part, and each coefficient is a sum of piecewise linear terms, one
per feature. So every prediction is a sum of contributions of features.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.assessment import Contribution, Interval
from models.dosing.setting_actions import PARTS, SettingChange, all_changes
from models.dosing.setting_guards import permitted
from models.dosing.therapy import Array

OUTCOMES: Final = ("log_gri", "tir", "tbr")
"""Differences to no change: logarithm of 1 + glycaemia risk index; time in range and below 70, in points."""

TIR_WEIGHT: Final = 0.12
"""One point of time in range is worth this share of the risk index: without it the choice is too timid."""

TBR_WEIGHT: Final = 0.04
"""One point of time below range is worth this share of the risk index, beside what the index has of it."""

SCORE_PER_SETTING: Final = (0.0, 0.02, 0.03)
"""A change must be expected to gain this much, by the number of its settings."""

HINGE: Final = 0.7
CLIP: Final = 3.0
PAIRS: Final = tuple((i, j) for i in range(len(PARTS)) for j in range(i, len(PARTS)))
CURVATURE_SCALE: Final = 5.0


@dataclass(frozen=True)
class ValueModel:
    """Coefficients for k features, 6 parts, 21 pairs of parts and the three outcomes.

    Attributes:
        features: their names; `logged` says which enter as log(1 + x); centre, scale: (k,).
        linear: (6, 1 + 3k, 3); curved: (21, 1 + k, 3).
        gri_edges: (b,) edges of recorded GRI; low, high: (b + 1, 3) the 5 % and 95 % residuals in people left
        out.
    """

    version: str
    features: tuple[str, ...]
    logged: NDArray[np.bool_]
    centre: Array
    scale: Array
    linear: Array
    curved: Array
    gri_edges: Array
    low: Array
    high: Array

    def standardised(self, features: Mapping[str, Array]) -> Array:
        """Features as the model sees them, (n, k)."""
        raw = np.stack([np.asarray(features[name], np.float64) for name in self.features], axis=-1)
        return standardise(raw, self.logged, self.centre, self.scale)


@dataclass(frozen=True, slots=True)
class RankedChange:
    """One alternative with its expected differences to no change, in people unlike those trained on.

    `gri`, `tir`, `tbr` are intervals in points; `score` orders the alternatives, lowest first.
    """

    change: SettingChange
    score: float
    gri: Interval
    tir: Interval
    tbr: Interval


def standardise(raw: Array, logged: NDArray[np.bool_], centre: Array, scale: Array) -> Array:
    """Features (n, k) centred and scaled; shares of time as logarithms; extremes drawn in."""
    x = np.where(logged, np.log1p(np.maximum(raw, 0.0)), raw)
    return np.clip((x - centre) / scale, -CLIP, CLIP)


def straight_terms(z: Array) -> Array:
    """One and the standardised features, (n, 1 + k)."""
    return np.concatenate([np.ones((len(z), 1)), z], axis=1)


def bent_terms(z: Array) -> Array:
    """The straight terms and two hinges for each feature, (n, 1 + 3k)."""
    return np.concatenate(
        [straight_terms(z), np.maximum(z - HINGE, 0.0), np.maximum(-z - HINGE, 0.0)], axis=1
    )


def squares(log_factors: Array) -> Array:
    """Products of the changes of every pair of parts, (..., 6) to (..., 21)."""
    return np.stack([log_factors[..., i] * log_factors[..., j] for i, j in PAIRS], axis=-1) * CURVATURE_SCALE


def expected(model: ValueModel, features: Mapping[str, Array], log_factors: Array) -> Array:
    """Expected differences of the outcomes for each patient and change, (n, changes, 3).

    `log_factors` is (changes, 6). Raises KeyError for a missing feature.
    """
    z = model.standardised(features)
    slope = np.einsum("nk,pko->npo", bent_terms(z), model.linear)
    bend = np.einsum("nk,pko->npo", straight_terms(z), model.curved)
    return np.asarray(
        np.einsum("npo,cp->nco", slope, log_factors) + np.einsum("npo,cp->nco", bend, squares(log_factors))
    )


def harm(outcomes: Array) -> Array:
    """Expected differences of the outcomes as one number, lower is better, (..., 3) to (...)."""
    return np.asarray(outcomes[..., 0] - TIR_WEIGHT * outcomes[..., 1] + TBR_WEIGHT * outcomes[..., 2])


def scores(outcomes: Array, changes: Sequence[SettingChange]) -> Array:
    """What a change is worth, lower is better, (n, changes)."""
    cost = np.array([SCORE_PER_SETTING[len(change.settings)] for change in changes])
    return np.asarray(harm(outcomes) + cost)


def best_changes(
    model: ValueModel, features: Mapping[str, Array], only_reductions: NDArray[np.bool_]
) -> list[SettingChange]:
    """The permitted change with the best score for each of n patients."""
    changes = all_changes()
    outcomes = expected(model, features, _log_factors(changes))
    score = np.where(permitted(changes, only_reductions), scores(outcomes, changes), np.inf)
    return [changes[i] for i in score.argmin(axis=1)]


def ranked_changes(
    model: ValueModel, features: Mapping[str, float], only_reductions: bool, at_most: int = 5
) -> tuple[RankedChange, ...]:
    """The best permitted alternatives for one patient, best first; no change is always among them."""
    changes = all_changes()
    columns = {name: np.array([features[name]]) for name in model.features}
    outcomes = expected(model, columns, _log_factors(changes))
    score = scores(outcomes, changes)[0]
    allowed = permitted(changes, np.array([only_reductions]))[0]
    order = [int(i) for i in np.argsort(score, kind="stable") if allowed[i]]
    chosen = order[:at_most] if 0 in order[:at_most] else [*order[: at_most - 1], 0]
    return tuple(_ranked(model, changes[i], score[i], outcomes[0, i], features["gri"]) for i in chosen)


def contributions(
    model: ValueModel, features: Mapping[str, float], change: SettingChange, outcome: str = "log_gri"
) -> tuple[Contribution, ...]:
    """How each feature adds to the expected outcome of a change; they and the intercept add up to it."""
    o, k = OUTCOMES.index(outcome), len(model.features)
    z = model.standardised({name: np.array([features[name]]) for name in model.features})
    x = change.log_factors
    bent = bent_terms(z)[0] * (x @ model.linear[:, :, o])
    straight = straight_terms(z)[0] * (squares(x) @ model.curved[:, :, o])
    points = bent[1:].reshape(3, k).sum(axis=0) + straight[1:]
    found = [
        Contribution(name, float(features[name]), float(value))
        for name, value in zip(model.features, points, strict=True)
    ]
    return (Contribution("intercept", None, float(bent[0] + straight[0])), *found)


def parse_model(content: Mapping[str, Any]) -> ValueModel:
    """A model from the content of its file."""
    arrays = {n: np.array(content[n], np.float64) for n in ("centre", "scale", "linear", "curved")}
    interval = {n: np.array(content["interval"][n], np.float64) for n in ("gri_edges", "low", "high")}
    return ValueModel(
        version=content["version"],
        features=tuple(content["features"]),
        logged=np.array(content["logged"], bool),
        **arrays,
        **interval,
    )


@cache
def packaged_model() -> ValueModel:
    """The model trained on all virtual patients."""
    return parse_model(json.loads(files("models.dosing").joinpath("value_of_action.json").read_text("utf-8")))


def _log_factors(changes: Sequence[SettingChange]) -> Array:
    return np.array([change.log_factors for change in changes])


def _ranked(
    model: ValueModel, change: SettingChange, score: float, outcome: Array, gri: float
) -> RankedChange:
    row = int(np.searchsorted(model.gri_edges, gri))
    spread = np.array([model.low[row], np.zeros(len(OUTCOMES)), model.high[row]])
    low, value, high = outcome + (spread if change.settings else np.zeros_like(spread))
    gri_points = [(1.0 + gri) * np.expm1(bound[0]) for bound in (value, low, high)]
    return RankedChange(
        change,
        float(score),
        Interval(*map(float, gri_points)),
        Interval(float(value[1]), float(low[1]), float(high[1])),
        Interval(float(value[2]), float(low[2]), float(high[2])),
    )
