"""The algorithms that the served model is compared with, each as a function from a task to probabilities.

Asked by `challenge`; scikit-learn, LightGBM and interpret come with the extra `train`. Where a feature is
known to raise or lower the risk only, the trees that can be held to that are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from models.training.questions import NothingToAsk
from models.training.task import Task

Array = NDArray[np.float64]

MANY_ROWS: Final = 50_000
"""From so many questions on, trees may grow to full size; fewer bear only small ones."""

BINS: Final = 63
KERNEL_POINTS: Final = 200
PAIRS: Final = 8

REFERENCE_FEATURES: Final = (
    "glucose_mgdl", "change_5_min_mgdl", "change_10_min_mgdl", "change_15_min_mgdl", "change_30_min_mgdl",
    "change_60_min_mgdl", "change_120_min_mgdl", "slope_15_min_mgdl_per_min", "slope_30_min_mgdl_per_min",
    "slope_change_mgdl_per_min", "lowest_1_h_mgdl", "lowest_3_h_mgdl", "highest_3_h_mgdl", "mean_1_h_mgdl",
    "mean_6_h_mgdl", "mean_24_h_mgdl", "sd_3_h_mgdl", "time_below_70_3_h_percent",
    "time_below_70_24_h_percent", "lbgi_24_h",
)  # fmt: skip
"""Twenty plain features of CGM: what boosting reaches without projections, spread of changes or clock."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a challenger is made for: how many questions, which way each feature leads (-1, 0, 1), a seed."""

    rows: int
    ways: tuple[int, ...]
    seed: int

    @property
    def many(self) -> bool:
        """Whether there are questions enough for trees of full size."""
        return self.rows >= MANY_ROWS


def _logistic(_: Given) -> Any:
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), _linear(1.0))


def _spline_logistic(_: Given) -> Any:
    return make_pipeline(
        SimpleImputer(strategy="median"),
        SplineTransformer(n_knots=6, knots="quantile", extrapolation="constant"),
        StandardScaler(),
        _linear(0.1),
    )


def _linear(penalty: float) -> LogisticRegression:
    return LogisticRegression(C=penalty, solver="newton-cholesky", max_iter=100)


def _boosting(given: Given) -> Any:
    return LGBMClassifier(
        n_estimators=300 if given.many else 150, learning_rate=0.05, num_leaves=31 if given.many else 6,
        min_child_samples=200, subsample=0.5, subsample_freq=1, colsample_bytree=0.5, reg_lambda=20,
        max_bin=BINS, monotone_constraints=list(given.ways), force_col_wise=True, deterministic=True,
        n_jobs=1, verbose=-1, random_state=given.seed,
    )  # fmt: skip


def _histogram_boosting(given: Given) -> Any:
    return HistGradientBoostingClassifier(
        max_iter=100 if given.many else 60, learning_rate=0.1, max_leaf_nodes=31 if given.many else 6,
        min_samples_leaf=200, l2_regularization=20, max_bins=BINS, max_features=0.5,
        monotonic_cst=list(given.ways), early_stopping=False, random_state=given.seed,
    )  # fmt: skip


def _forest(given: Given) -> Any:
    return make_pipeline(
        SimpleImputer(strategy="median"),
        RandomForestClassifier(60, min_samples_leaf=20, n_jobs=1, random_state=given.seed),
    )


def _tree(given: Given) -> Any:
    return make_pipeline(
        SimpleImputer(strategy="median"),
        DecisionTreeClassifier(
            min_samples_leaf=500 if given.many else 100, max_depth=12, random_state=given.seed
        ),
    )


def _kernel_machine(given: Given) -> Any:
    """A support vector machine's kernel with a logistic loss: it gives probabilities and grows linearly."""
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        Nystroem(n_components=KERNEL_POINTS, gamma=0.02, random_state=given.seed),
        _linear(1.0),
    )


def _support_vectors(_: Given) -> Any:
    """Margins weighed as if episodes were half of the questions, turned to probabilities by a logistic."""
    margins = SVC(C=0.1, gamma=0.005, class_weight="balanced", cache_size=500)
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        CalibratedClassifierCV(margins, cv=2, ensemble=False),
    )


def _explainable_boosting(given: Given) -> Any:
    """Main effects and, of many questions, the strongest pairs (Nori 2019, arXiv 1909.09223)."""
    return ExplainableBoostingClassifier(
        interactions=PAIRS if given.many else 0, max_bins=64, outer_bags=2, learning_rate=0.05,
        max_rounds=3000 if given.many else 300, min_samples_leaf=50, monotone_constraints=list(given.ways),
        random_state=given.seed, n_jobs=1,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Challenger:
    """How it is made; the most questions it learns from and the features it sees, all by default."""

    make: Callable[[Given], Any]
    most: int | None = None
    features: tuple[str, ...] = ()

    def sees(self, task: Task) -> tuple[str, ...]:
        """Names of the features that it learns by; none where the task lacks one that it needs."""
        names = self.features or tuple(task.features)
        return names if set(names) <= set(task.features) else ()


CHALLENGERS: Final[Mapping[str, Challenger]] = {
    "logistic": Challenger(_logistic, most=200_000),
    "boosting": Challenger(_boosting),
    "histogram_boosting": Challenger(_histogram_boosting, most=200_000),
    "decision_tree": Challenger(_tree, most=100_000),
    "reference_boosting": Challenger(_histogram_boosting, most=200_000, features=REFERENCE_FEATURES),
    "explainable_boosting": Challenger(_explainable_boosting, most=50_000),
    "spline_logistic": Challenger(_spline_logistic, most=20_000),
    "random_forest": Challenger(_forest, most=15_000),
    "kernel_machine": Challenger(_kernel_machine, most=20_000),
    "support_vectors": Challenger(_support_vectors, most=3_000),
}
"""Each challenger by name. A sample is drawn at random from the questions of the people learned from."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A challenger that has learned from the questions `rows` of a task, by the features `names`."""

    name: str
    model: Any
    names: tuple[str, ...]
    rows: NDArray[np.int64]

    def matrix(self, task: Task, rows: NDArray[np.int64]) -> Array:
        """What it sees of some questions, float64[m, names]."""
        return np.stack([task.features[name][rows] for name in self.names], axis=1)

    def probability(self, task: Task, rows: NDArray[np.int64]) -> Array:
        """Probability of an episode after each of some questions, float64[m]."""
        return np.asarray(self.model.predict_proba(self.matrix(task, rows))[:, 1], np.float64)


def learn(name: str, task: Task, known: NDArray[np.bool_], seed: int) -> Fitted:
    """Fits one challenger to the known questions of a task, or to a sample of them.

    NothingToAsk where all or none of the sample are followed by an episode: there is nothing to tell apart.
    """
    challenger = CHALLENGERS[name]
    rows = _sample(np.flatnonzero(known), challenger.most, seed)
    episodes = int(task.questions.episode[rows].sum())
    if episodes in (0, rows.size):
        raise NothingToAsk(f"{task.model}: {episodes} of {rows.size} questions learned from have an episode")
    names = tuple(name for name in challenger.sees(task) if not np.isnan(task.features[name][rows]).all())
    ways = tuple(task.directions.get(name, 0) for name in names)
    fitted = Fitted(name, challenger.make(Given(rows.size, ways, seed)), names, rows)
    fitted.model.fit(fitted.matrix(task, rows), task.questions.episode[rows])
    return fitted


def _sample(rows: NDArray[np.int64], most: int | None, seed: int) -> NDArray[np.int64]:
    if most is None or rows.size <= most:
        return rows
    return np.random.default_rng(seed).choice(rows, most, replace=False)
