"""Intervals of metrics when other people had been drawn: a bootstrap over people, not rows.

Sits under `evaluate`. What a person adds is counted once, scores into fine bins: a resample is one addition.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RESAMPLES: Final = 500
SCORE_BINS: Final = 2000
LEVEL: Final = 0.95
DIGITS: Final = 4


def bootstrap_intervals(
    person: NDArray[np.int64], label: Array, score: Array, seed: int
) -> dict[str, list[float | None]]:
    """95 % intervals of AUROC and AUPRC, [low, high], None with one class only; scores in one bin tie."""
    positives, negatives = _counts(person, label, score)
    drawn = drawn_people(len(positives), seed)
    ranked = np.array([_metrics(times @ positives, times @ negatives) for times in drawn])
    return intervals_of({"auroc": ranked[:, 0], "auprc": ranked[:, 1]})


def drawn_people(people: int, seed: int) -> Array:
    """How often each person is drawn in each resample, float64[RESAMPLES, people]."""
    shares = np.full(people, 1 / people)
    drawn = np.random.default_rng(seed).multinomial(people, shares, RESAMPLES)
    return np.asarray(drawn, np.float64)


def intervals_of(found: Mapping[str, Array]) -> dict[str, list[float | None]]:
    """95 % intervals [low, high] of metrics float64[RESAMPLES] by name; None where no resample has one."""
    return {f"{name}_interval_95": _ends(values) for name, values in found.items()}


def _ends(values: Array) -> list[float | None]:
    if np.isnan(values).all():
        return [None, None]
    ends: list[float | None] = (
        np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).round(DIGITS).tolist()
    )
    return ends


def _counts(person: NDArray[np.int64], label: Array, score: Array) -> tuple[Array, Array]:
    """Positives and negatives of each person in each score bin, best score first: float64[people, bins]."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, SCORE_BINS + 1)[1:-1]))
    cell = edges.size - np.searchsorted(edges, score, side="right")
    people, row = np.unique(person, return_inverse=True)
    shape = (people.size, edges.size + 1)
    flat = row * shape[1] + cell
    cells = shape[0] * shape[1]
    everything, positives = (np.bincount(flat, weight, cells) for weight in (np.ones(label.size), label))
    negatives = everything - positives
    return positives.reshape(shape).astype(np.float64), negatives.reshape(shape).astype(np.float64)


def _metrics(positives: Array, negatives: Array) -> tuple[float, float]:
    if positives.sum() == 0 or negatives.sum() == 0:
        return float("nan"), float("nan")
    hits, alarms = np.cumsum(positives), np.cumsum(positives + negatives)
    below = negatives.sum() - np.cumsum(negatives)
    auroc = float((positives * (below + negatives / 2)).sum() / (positives.sum() * negatives.sum()))
    precision = hits / np.maximum(alarms, 1)
    return auroc, float((positives / positives.sum() * precision).sum())
