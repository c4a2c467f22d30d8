"""The forecasts that are compared by the GlucoBench protocol, each fitted on its training windows.

Asked by `glucobench_evaluation`; boosting needs LightGBM, the network torch (both in the extra `train`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final

import numpy as np

from models.training.glucobench import FORECAST_POINTS, Array, Dataset, Windows

Forecast = Callable[[Array], Array]
"""From what is seen, float64[m, input_points], to the next hour, float64[m, 12]; mg/dL."""

LEVEL_MGDL: Final = 100.0
RIDGE: Final = 1.0
ROUNDS: Final = 6
SOFTENING_MGDL2: Final = 1.0
"""Added to a window's squared error before it weighs: no window counts without limit."""

ROBUST_POINTS: Final = 84
LAGS: Final = 24
CHANGES: Final = 6
RECENT: Final = 48

BOOSTING: Final = {
    "objective": "l1", "learning_rate": 0.05, "num_leaves": 8, "min_child_samples": 50, "subsample": 0.8,
    "subsample_freq": 1, "colsample_bytree": 0.6, "max_bin": 127, "num_threads": 1, "verbose": -1,
}  # fmt: skip
MANY_WINDOWS: Final = 100_000
TREES_SMALL, TREES_LARGE = 120, 300
LEAVES_LARGE: Final = 31


@dataclass(frozen=True, slots=True)
class Training:
    """What a model may use: training windows, the data set's settings, a seed."""

    windows: Windows
    dataset: Dataset
    seed: int


def persistence(_: Training) -> Forecast:
    """The newest value stays."""
    return lambda seen: np.repeat(seen[:, -1:], FORECAST_POINTS, axis=1)


def linear(training: Training) -> Forecast:
    """Least squares on the last values, as many as the authors tuned: their linear model, made again."""
    lags = training.dataset.linear_points

    def inputs(seen: Array) -> Array:
        return _beside(seen[:, -lags:], np.ones(len(seen)))

    weights = np.linalg.lstsq(inputs(training.windows.seen), training.windows.followed, rcond=None)[0]
    return lambda seen: inputs(seen) @ weights


def robust_linear(training: Training) -> Forecast:
    """Ridge on differences where each window weighs the less the worse it is forecast.

    Weights of one over the mean squared error, made again `ROUNDS` times, minimise the sum over windows of
    its logarithm: the hours that a meal makes unforeseeable do not bend the others.
    """
    seen, followed = training.windows.seen, training.windows.followed
    inputs, change = _differences(seen), followed - seen[:, -1:]
    trust = np.ones(len(seen))
    for _ in range(ROUNDS):
        trusted = inputs * trust[:, None]
        gram = inputs.T @ trusted + RIDGE * np.eye(inputs.shape[1])
        weights = np.linalg.solve(gram, trusted.T @ change)
        trust = 1 / (np.mean((inputs @ weights - change) ** 2, axis=1) + SOFTENING_MGDL2)
        trust /= trust.mean()
    return lambda asked: asked[:, -1:] + _differences(asked) @ weights


def _differences(seen: Array) -> Array:
    now = seen[:, -1:]
    return _beside(seen[:, -ROBUST_POINTS:-1] - now, now - LEVEL_MGDL, np.ones(len(seen)))


def boosting(training: Training) -> Forecast:
    """Twelve boosted models of the change from the newest value, by absolute error."""
    lightgbm = import_module("lightgbm")
    seen, followed = training.windows.seen, training.windows.followed
    trees, settings = _settings(len(seen), training.seed)
    table = lightgbm.Dataset(_features(seen), followed[:, 0], params=settings).construct()
    models = []
    for step in range(FORECAST_POINTS):
        table.set_label(followed[:, step] - seen[:, -1])
        models.append(lightgbm.train(settings, table, trees))

    def forecast(asked: Array) -> Array:
        features = _features(asked)
        return asked[:, -1:] + _beside(*(model.predict(features) for model in models))

    return forecast


def _settings(windows: int, seed: int) -> tuple[int, dict[str, object]]:
    """Trees and their settings: small trees for small sets."""
    if windows < MANY_WINDOWS:
        return TREES_SMALL, BOOSTING | {"seed": seed}
    return TREES_LARGE, BOOSTING | {"seed": seed, "num_leaves": LEAVES_LARGE}


def _features(seen: Array) -> Array:
    """The newest value; the lags, the last changes and the summaries as distances from it."""
    now, recent = seen[:, -1:], seen[:, -RECENT:]
    return _beside(
        now,
        seen[:, -LAGS - 1 : -1] - now,
        np.diff(seen[:, -CHANGES - 1 :], axis=1),
        *(_summary(part, now[:, 0]) for part in (recent, seen)),
    )


def _summary(part: Array, now: Array) -> Array:
    return _beside(part.mean(axis=1) - now, part.std(axis=1), part.min(axis=1) - now, part.max(axis=1) - now)


def _beside(*columns: Array) -> Array:
    """Columns, or blocks of them, as one table."""
    return np.column_stack(columns)


def neural(training: Training) -> Forecast:
    """A small network that learns by the error of whole windows; torch."""
    made: Forecast = import_module("models.training.glucobench_network").fit(training)
    return made


MODELS: Final[Mapping[str, Callable[[Training], Forecast]]] = {
    "persistence": persistence,
    "linear": linear,
    "robust_linear": robust_linear,
    "boosting": boosting,
    "neural": neural,
}

ENSEMBLE: Final = ("boosting", "neural", "robust_linear")
"""Averaged; what is fitted differently errs differently."""
