"""Fits an additive model (EBM main effects) and exports its tables as JSON that a person can read.

Sits between the windows and `models.risk.additive_model`, which scores what is written here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray

from models.training.patient_folds import resampled_people

Array = NDArray[np.float64]

DECIMALS: Final = 4
"""Points are rounded to 0.0001 log-odds, in the library's own object too, so that both score alike."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen by cross-validation; written into the artefact. Validation refits less often."""

    refits: int = 6
    validation_refits: int = 3
    bins: int = 64
    learning_rate: float = 0.1
    max_rounds: int = 3000
    stop_after_rounds: int = 30
    smallest_leaf: int = 50
    seed: int = 2026
    jobs: int = 2


def fit(
    features: Mapping[str, Array],
    label: Array,
    person: NDArray[np.int64],
    directions: Mapping[str, int],
    settings: Settings,
) -> ExplainableBoostingClassifier:
    """The fitted model: each refit learns from people drawn with replacement, the model is their mean."""
    bags = resampled_people(person, settings.refits, settings.seed)
    model = ExplainableBoostingClassifier(
        feature_names=list(features),
        interactions=0,
        max_bins=settings.bins,
        outer_bags=settings.refits,
        learning_rate=settings.learning_rate,
        max_rounds=settings.max_rounds,
        early_stopping_rounds=settings.stop_after_rounds,
        min_samples_leaf=settings.smallest_leaf,
        monotone_constraints=[directions.get(name, 0) for name in features],
        random_state=settings.seed,
        n_jobs=settings.jobs,
    )
    model.fit(matrix(features), label, bags=bags)
    return model


def matrix(features: Mapping[str, Array]) -> Array:
    """Features as the library takes them: float64[m, features] in the order of the mapping."""
    return np.stack(list(features.values()), axis=1).astype(np.float64)


def stretched(
    model: ExplainableBoostingClassifier, intercept: float, slope: float
) -> ExplainableBoostingClassifier:
    """The same model with log-odds intercept + slope x log-odds: still additive, still monotone."""
    model.intercept_ = intercept + slope * model.intercept_
    model.bagged_intercept_ = intercept + slope * model.bagged_intercept_
    model.term_scores_ = [slope * scores for scores in model.term_scores_]
    model.bagged_scores_ = [slope * scores for scores in model.bagged_scores_]
    return _rounded(model)


def _rounded(model: ExplainableBoostingClassifier) -> ExplainableBoostingClassifier:
    model.intercept_ = np.round(model.intercept_, DECIMALS)
    model.term_scores_ = [np.round(scores, DECIMALS) for scores in model.term_scores_]
    return model


def tables(model: ExplainableBoostingClassifier) -> dict[str, Any]:
    """Intercept and terms in the file's form. The library's last cell, for unseen categories, is dropped."""
    names = list(model.feature_names_in_)
    return {
        "intercept": float(model.intercept_[0]),
        "intercept_by_refit": _plain(model.bagged_intercept_.ravel()),
        "terms": [
            {
                "feature": names[features[0]],
                "edges": [float(edge) for edge in model.bins_[features[0]][0]],
                "points": _plain(model.term_scores_[index][:-1]),
                "points_by_refit": [_plain(refit[:-1]) for refit in model.bagged_scores_[index]],
            }
            for index, features in enumerate(model.term_features_)
        ],
    }


def examples(
    model: ExplainableBoostingClassifier, features: Mapping[str, Array], rows: Sequence[int]
) -> list[dict[str, Any]]:
    """Rows with the library's own probability, so that a scorer without the library can be checked."""
    at = matrix(features)[list(rows)]
    stated = model.predict_proba(at)[:, 1]
    return [
        {"features": [None if np.isnan(value) else float(value) for value in row], "probability": float(p)}
        for row, p in zip(at, stated, strict=True)
    ]


def readable(document: Mapping[str, Any]) -> str:
    """JSON with one key, or one table of a term, a line: short enough to read, stable enough to compare."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in document.items() if key != "terms"]
    terms = ",\n".join(_term_lines(term) for term in document["terms"])
    return "{\n" + ",\n".join(lines) + ',\n  "terms": [\n' + terms + "\n  ]\n}\n"


def _term_lines(term: Mapping[str, Any]) -> str:
    inner = ",\n".join(f"      {json.dumps(key)}: {json.dumps(value)}" for key, value in term.items())
    return "    {\n" + inner + "\n    }"


def _plain(values: Array) -> list[float]:
    return [round(float(value), DECIMALS) for value in values]
