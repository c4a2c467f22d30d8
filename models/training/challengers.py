"""The algorithms that the served model is compared with, each as a function from training rows to a score.

Asked by `evaluate` and the training records; scikit-learn and LightGBM come with the extra `train`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

Array = NDArray[np.float64]

MOST_ROWS: Final = 20_000
MOST_ROWS_OF_TREES: Final = 40_000
"""Rows that the slow learners and the boosted trees see; drawn at random from the training people."""

KERNEL_POINTS: Final = 300


def _logistic(seed: int) -> Any:
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(max_iter=400))


def _spline_logistic(seed: int) -> Any:
    return make_pipeline(
        SimpleImputer(strategy="median"),
        SplineTransformer(n_knots=6, knots="quantile", extrapolation="constant"),
        StandardScaler(),
        LogisticRegression(max_iter=300, C=0.1),
    )


def _boosting(seed: int) -> Any:
    return LGBMClassifier(
        n_estimators=300, learning_rate=0.04, num_leaves=31, min_child_samples=100, subsample=0.7,
        subsample_freq=1, colsample_bytree=0.5, reg_lambda=20, n_jobs=1, verbose=-1, random_state=seed,
    )  # fmt: skip


def _histogram_boosting(seed: int) -> Any:
    return HistGradientBoostingClassifier(
        max_iter=200, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=200, l2_regularization=20,
        random_state=seed,
    )  # fmt: skip


def _forest(seed: int) -> Any:
    return make_pipeline(
        SimpleImputer(strategy="median"),
        RandomForestClassifier(100, min_samples_leaf=20, n_jobs=1, random_state=seed),
    )


def _tree(seed: int) -> Any:
    return make_pipeline(
        SimpleImputer(strategy="median"), DecisionTreeClassifier(min_samples_leaf=100, random_state=seed)
    )


def _kernel_machine(seed: int) -> Any:
    """A support vector machine's kernel with a logistic loss: it gives probabilities and grows linearly."""
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        Nystroem(n_components=KERNEL_POINTS, gamma=0.02, random_state=seed),
        LogisticRegression(max_iter=300),
    )


CHALLENGERS: Final[Mapping[str, tuple[Callable[[int], Any], int | None]]] = {
    "logistic": (_logistic, MOST_ROWS),
    "spline_logistic": (_spline_logistic, MOST_ROWS),
    "boosting": (_boosting, MOST_ROWS_OF_TREES),
    "histogram_boosting": (_histogram_boosting, MOST_ROWS_OF_TREES),
    "random_forest": (_forest, MOST_ROWS),
    "kernel_machine": (_kernel_machine, MOST_ROWS),
    "decision_tree": (_tree, MOST_ROWS),
}
"""Each challenger, and the most rows that it learns from."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A challenger that has learned from `rows` of what it was given, by the features that are `usable`."""

    name: str
    model: Any
    usable: NDArray[np.bool_]
    rows: NDArray[np.int64]

    def __call__(self, asked: Array) -> Array:
        """Probability of the positive class, float64[m]."""
        return np.asarray(self.model.predict_proba(asked[:, self.usable])[:, 1], np.float64)


def learn(name: str, features: Array, label: Array, seed: int) -> Fitted:
    """Fits one challenger to a sample of the rows."""
    make, most = CHALLENGERS[name]
    rows = np.arange(label.size)
    if most is not None and label.size > most:
        rows = np.random.default_rng(seed).choice(label.size, most, replace=False)
    usable = np.asarray(~np.isnan(features[rows]).all(axis=0), np.bool_)
    model = make(seed)
    model.fit(features[rows][:, usable], label[rows])
    return Fitted(name, model, usable, rows)
