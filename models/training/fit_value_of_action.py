"""Fit of the value-of-action model: ridge regression on products of change and feature terms, folds by
patient.

Sits between the experience and the file. One pass gathers the normal equations of each fold; leaving a fold
out is a subtraction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.dosing.setting_actions import PARTS
from models.dosing.therapy import Array
from models.dosing.value_of_action import (
    OUTCOMES,
    PAIRS,
    bent_terms,
    squares,
    standardise,
    straight_terms,
)
from models.training.therapy_experience import OUTCOME_NAMES, Experience

FOLDS: Final = 5
RIDGE: Final = 30.0
ROWS_AT_ONCE: Final = 200
GRI_QUANTILES: Final = (0.25, 0.5, 0.75)
INTERVAL: Final = (0.05, 0.95)
SHARES: Final = ("tbr", "tar", "gri", "lbgi", "hbgi")
DIGITS: Final = 4


@dataclass(frozen=True)
class Fitted:
    """The model of everybody, one model per fold with the patients it never saw, and how they did on
    those.
    """

    everybody: dict[str, Any]
    folds: tuple[dict[str, Any], ...]
    on_people_left_out: dict[str, Any]


def fold_of(patient: np.ndarray) -> np.ndarray:
    """Fold of each case, (n,): patients in order of name, in turn."""
    _, position = np.unique(patient, return_inverse=True)
    return np.asarray(position % FOLDS)


def differences(experience: Experience) -> Array:
    """Outcomes as the model predicts them, relative to the first (unchanged) therapy, (n, m, 3)."""
    gri, tir, tbr = (experience.outcomes[..., i] for i in range(len(OUTCOME_NAMES)))
    log_gri = np.log1p(gri)
    return np.stack([log_gri - log_gri[:, :1], tir - tir[:, :1], tbr - tbr[:, :1]], axis=-1)


def fit(experience: Experience, version: str) -> Fitted:
    """Models for everybody and for each fold, with residuals of people left out in all of them."""
    logged = logged_features(experience.names)
    x = np.where(logged, np.log1p(np.maximum(experience.features, 0.0)), experience.features)
    centre, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = standardise(experience.features, logged, centre, scale)
    wanted, fold = differences(experience), fold_of(experience.patient)
    parts = [
        _normal_equations(z[fold == f], experience.log_factors[fold == f], wanted[fold == f])
        for f in range(FOLDS)
    ]
    gram, moment = (np.sum([p[i] for p in parts], axis=0) for i in range(2))
    residual = np.empty_like(wanted)
    solved = []
    for f, (fold_gram, fold_moment) in enumerate(parts):
        solved.append(_solve(gram - fold_gram, moment - fold_moment))
        rows = np.flatnonzero(fold == f)
        residual[rows] = wanted[rows] - _predict(z[rows], experience.log_factors[rows], solved[-1])
    shared = {
        "version": version,
        "features": list(experience.names),
        "logged": logged.tolist(),
        "centre": rounded(centre),
        "scale": rounded(scale),
        "interval": _interval(residual, experience.outcomes[:, 0, 0]),
    }
    return Fitted(
        everybody=shared | _coefficients(_solve(gram, moment), z.shape[1]),
        folds=tuple(
            shared
            | {"left_out": sorted(set(experience.patient[fold == f].tolist()))}
            | _coefficients(w, z.shape[1])
            for f, w in enumerate(solved)
        ),
        on_people_left_out=on_left_out(experience, wanted, residual),
    )


def logged_features(names: Sequence[str]) -> NDArray[np.bool_]:
    """Which features enter as logarithms: shares of time and of meals, (k,)."""
    return np.array([name.startswith(SHARES) or name.endswith("_low") for name in names])


def _terms(z: Array, log_factors: Array) -> Array:
    """Design of n cases and m changes, (n, m, terms)."""
    linear = log_factors[..., :, None] * bent_terms(z)[:, None, None, :]
    curved = squares(log_factors)[..., :, None] * straight_terms(z)[:, None, None, :]
    shape = (*log_factors.shape[:2], -1)
    return np.concatenate([linear.reshape(shape), curved.reshape(shape)], axis=-1)


def _normal_equations(z: Array, log_factors: Array, wanted: Array) -> tuple[Array, Array]:
    gram: Any = 0.0
    moment: Any = 0.0
    for rows in np.array_split(np.arange(len(z)), max(1, len(z) // ROWS_AT_ONCE)):
        terms = _terms(z[rows], log_factors[rows, 1:])
        design = terms.reshape(-1, terms.shape[-1])
        gram = gram + design.T @ design
        moment = moment + design.T @ wanted[rows, 1:].reshape(-1, len(OUTCOMES))
    return np.asarray(gram), np.asarray(moment)


def _solve(gram: Array, moment: Array) -> Array:
    return np.asarray(np.linalg.solve(gram + RIDGE * np.eye(len(gram)), moment), np.float64)


def _predict(z: Array, log_factors: Array, weights: Array) -> Array:
    blocks = np.array_split(np.arange(len(z)), max(1, len(z) // ROWS_AT_ONCE))
    return np.concatenate([_terms(z[rows], log_factors[rows]) @ weights for rows in blocks])


def _coefficients(weights: Array, k: int) -> dict[str, Any]:
    split = len(PARTS) * (1 + 3 * k)
    return {
        "linear": rounded(weights[:split].reshape(len(PARTS), 1 + 3 * k, -1)),
        "curved": rounded(weights[split:].reshape(len(PAIRS), 1 + k, -1)),
    }


def rounded(values: Array) -> Any:
    """Nested lists with few digits."""
    if values.ndim > 1:
        return [rounded(row) for row in values]
    return [float(f"{value:.{DIGITS}g}") for value in values]


def _interval(residual: Array, gri: Array) -> dict[str, Any]:
    """5 % and 95 % residuals by quarters of the risk index without a change."""
    edges = np.quantile(gri, GRI_QUANTILES)
    row = np.searchsorted(edges, gri)
    found = [
        np.quantile(residual[row == quarter][:, 1:].reshape(-1, len(OUTCOMES)), INTERVAL, axis=0)
        for quarter in range(len(edges) + 1)
    ]
    return {
        "gri_edges": rounded(edges),
        "low": rounded(np.array([q[0] for q in found])),
        "high": rounded(np.array([q[1] for q in found])),
    }


def on_left_out(experience: Experience, wanted: Array, residual: Array) -> dict[str, Any]:
    """How predictions did on people left out: differences explained, and what choosing by them would give."""
    explained = 1.0 - (residual[:, 1:] ** 2).sum(axis=(0, 1)) / (wanted[:, 1:] ** 2).sum(axis=(0, 1))
    best = (wanted - residual)[..., 0].argmin(axis=1)
    row = np.arange(len(best))
    gri = experience.outcomes[..., 0]
    return {
        "cases": len(best),
        "variance_explained": dict(zip(OUTCOMES, np.round(explained, 3).tolist(), strict=True)),
        "gri_without_change": round(float(gri[:, 0].mean()), 2),
        "gri_of_best_predicted_of_those_tried": round(float(gri[row, best].mean()), 2),
        "gri_of_best_of_those_tried": round(float(gri.min(axis=1).mean()), 2),
    }
