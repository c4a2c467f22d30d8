"""Fits an additive model of main effects (EBM), and exports its tables.

Sits between the windows and `models.risk.additive_model`, which scores what is written here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray

from models.training.patient_folds import resampled_people
from models.training.task import Array

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

    @property
    def libraries(self) -> tuple[str, ...]:
        """The packages whose versions decide the result."""
        return ("interpret-core", "numpy")

    def in_validation(self) -> Self:
        """The settings of a fit that only states, and needs no interval."""
        return replace(self, refits=self.validation_refits)

    def fit(
        self,
        features: Mapping[str, Array],
        label: Array,
        person: NDArray[np.int64],
        directions: Mapping[str, int],
    ) -> "Additive":
        """The fitted model: each refit learns from people drawn with replacement, the model is their mean."""
        model = ExplainableBoostingClassifier(
            feature_names=list(features),
            interactions=0,
            max_bins=self.bins,
            outer_bags=self.refits,
            learning_rate=self.learning_rate,
            max_rounds=self.max_rounds,
            early_stopping_rounds=self.stop_after_rounds,
            min_samples_leaf=self.smallest_leaf,
            monotone_constraints=[directions.get(name, 0) for name in features],
            random_state=self.seed,
            n_jobs=self.jobs,
        )
        model.fit(matrix(features), label, bags=resampled_people(person, self.refits, self.seed))
        return Additive(model)


def matrix(features: Mapping[str, Array]) -> Array:
    """Features as the library takes them: float64[m, features] in the order of the mapping."""
    return np.stack(list(features.values()), axis=1).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Additive:
    """The model as the library holds it."""

    model: ExplainableBoostingClassifier

    def probability(self, features: Mapping[str, Array]) -> Array:
        """The library's own probability, float64[m]."""
        return np.asarray(self.model.predict_proba(matrix(features))[:, 1], np.float64)

    def stretched(self, intercept: float, slope: float) -> Self:
        """The same model with log-odds intercept + slope x log-odds: still additive, still monotone."""
        model = self.model
        model.intercept_ = np.round(intercept + slope * model.intercept_, DECIMALS)
        model.bagged_intercept_ = intercept + slope * model.bagged_intercept_
        model.term_scores_ = [np.round(slope * scores, DECIMALS) for scores in model.term_scores_]
        model.bagged_scores_ = [slope * scores for scores in model.bagged_scores_]
        return self

    def tables(self, _: Mapping[str, Array]) -> dict[str, Any]:
        """Intercept and terms. The library's last cell, for unseen categories, is dropped."""
        model, names = self.model, list(self.model.feature_names_in_)
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


def _plain(values: Array) -> list[float]:
    return [round(float(value), DECIMALS) for value in values]
