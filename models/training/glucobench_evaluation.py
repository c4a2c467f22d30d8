"""The GlucoBench comparison: every model fitted and asked for each seed, errors as the benchmark states them.

The door of the protocol for the command line. What looks ahead here is the protocol's own two-sided
interpolation, which its published numbers share; people and last days are held out before anything is fitted.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.training.glucobench import (
    DATASETS,
    FIRST_SEED,
    Array,
    UnreadableBenchmark,
    Windows,
    asked_windows,
    read_segments,
    split,
    training_windows,
)
from models.training.glucobench_models import ENSEMBLE, MODELS, Training

Report = Callable[[str], None]
Errors = Mapping[str, Mapping[str, Array]]
"""By model, then `id` or `ood`: float64[4], median MSE and MAE and their means over windows."""

DIGITS: Final = 3
MOST_WINDOWS: Final = 150_000


def evaluate_glucobench(path: Path, name: str, seeds: int, report: Report) -> dict[str, Any]:
    """Errors of every model on people learned from (`id`) and not (`ood`). Raises UnreadableBenchmark.

    `median_rmse` is the root of the mean over seeds of the median squared error, as the benchmark's tables
    are made; the averages over windows stand in `details`.
    """
    segments = read_segments(path, DATASETS[name])
    by_seed: list[Errors] = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        parts = split(segments, DATASETS[name], seed)
        windows = training_windows(parts.train, DATASETS[name], MOST_WINDOWS, seed)
        asked = {
            "id": asked_windows(parts.known, DATASETS[name]),
            "ood": asked_windows(parts.unknown, DATASETS[name]),
        }
        if not all(len(part.seen) for part in (windows, *asked.values())):
            raise UnreadableBenchmark(f"{path.name} holds too few points to learn from and to ask about")
        by_seed.append(_errors(Training(windows, DATASETS[name], seed), asked))
        report(f"seed {seed} ({len(by_seed)} of {seeds})")
    found = {model: {side: _stated(by_seed, model, side) for side in ("id", "ood")} for model in by_seed[0]}
    return {
        "task": "glucobench",
        "dataset": name,
        "seeds": seeds,
        "people": len(segments),
        "models": {model: {side: said[0] for side, said in sides.items()} for model, sides in found.items()},
        "median_rmse_by_seed": {m: {side: _each(by_seed, m, side) for side in found[m]} for m in found},
        "details": {model: {side: said[1] for side, said in sides.items()} for model, sides in found.items()},
    }


def _errors(training: Training, asked: Mapping[str, Windows]) -> Errors:
    stated: dict[str, dict[str, Array]] = {}
    for name, fit in MODELS.items():
        forecast = fit(training)
        stated[name] = {side: forecast(windows.seen) for side, windows in asked.items()}
    stated["ensemble"] = {
        side: np.asarray(np.mean([stated[name][side] for name in ENSEMBLE], axis=0)) for side in asked
    }
    return {
        name: {side: _error(found[side], windows.followed) for side, windows in asked.items()}
        for name, found in stated.items()
    }


def _error(stated: Array, followed: Array) -> Array:
    squared = np.mean((stated - followed) ** 2, axis=1)
    absolute = np.mean(np.abs(stated - followed), axis=1)
    return np.array([np.median(squared), np.median(absolute), squared.mean(), absolute.mean()])


def _stated(by_seed: list[Errors], model: str, side: str) -> tuple[dict[str, float], dict[str, float]]:
    median_mse, median_mae, mse, mae = np.mean([errors[model][side] for errors in by_seed], axis=0)
    headline = {"median_rmse": np.sqrt(median_mse), "median_mae": median_mae}
    averages = {"rmse": np.sqrt(mse), "mae": mae}
    return _rounded(headline), _rounded(averages)


def _each(by_seed: list[Errors], model: str, side: str) -> list[float]:
    """The root of the median squared error of each seed, mg/dL."""
    return [round(float(np.sqrt(errors[model][side][0])), DIGITS) for errors in by_seed]


def _rounded(found: Mapping[str, float]) -> dict[str, float]:
    return {name: round(float(value), DIGITS) for name, value in found.items()}
