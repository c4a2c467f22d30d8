"""How well probabilities rank and how honest they are, in plain numpy.

Sits under `evaluate` and the training records; label float64[m] of 0 and 1, score float64[m].
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CALIBRATION_BINS: Final = 10
NEWTON_STEPS: Final = 25
AT_REST: Final = 1e-6
"""The fit is believed where its last step moved neither weight by more."""

LEAST: Final = 1e-9
"""No probability is believed to be closer to 0 or 1."""

FEWEST_EVENTS: Final = 10
"""With fewer questions of either answer a slope is chance, and none is stated (our judgement)."""


def auroc(label: Array, score: Array) -> float:
    """Probability that a positive scores above a negative, ties half; NaN with one class only."""
    positives = float(label.sum())
    negatives = label.size - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    rank_sum = float(_midranks(score)[label == 1].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def auprc(label: Array, score: Array) -> float:
    """Average precision: sum of precision x gain in recall over distinct scores; NaN without positives."""
    if label.sum() == 0:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits, ranked = np.cumsum(label[order]), score[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), ranked.size - 1)
    recall = hits[last] / hits[-1]
    precision = hits[last] / (last + 1)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def log_loss(label: Array, probability: Array) -> float:
    """Mean negative log likelihood."""
    held = np.clip(probability, LEAST, 1 - LEAST)
    return float(-np.mean(np.where(label > 0, np.log(held), np.log(1 - held))))


def sensitivity_at_specificity(label: Array, score: Array, specificity: float) -> float:
    """Share of positives above the score that this share of the negatives does not pass."""
    if label.sum() == 0 or label.sum() == label.size:
        return float("nan")
    threshold = np.quantile(score[label == 0], specificity, method="higher")
    return float((score[label == 1] > threshold).mean())


def expected_calibration_error(label: Array, probability: Array) -> float:
    """Mean distance of stated and observed share over ten bins of equal counts."""
    order = np.argsort(probability, kind="stable")
    bins = np.array_split(order, min(CALIBRATION_BINS, order.size))
    gaps = [abs(label[b].mean() - probability[b].mean()) * b.size for b in bins if b.size]
    return float(sum(gaps) / label.size)


def calibration_slope(label: Array, probability: Array) -> float:
    """Slope of the log-odds of the outcome on the stated log-odds; 1 is right, below 1 overconfident.

    NaN with fewer than `FEWEST_EVENTS` of either answer, and where `calibration_line` has none.
    """
    if min(label.sum(), label.size - label.sum()) < FEWEST_EVENTS:
        return float("nan")
    return calibration_line(label, probability)[1]


def calibration_line(label: Array, probability: Array) -> tuple[float, float]:
    """Intercept and slope of the log-odds of the outcome on the stated log-odds, by logistic regression.

    NaN where there is no line: with one class only, where a threshold parts the classes (its slope is
    infinite), or where the fit has not come to rest.
    """
    clipped = np.clip(probability, 1e-9, 1 - 1e-9)
    log_odds = np.log(clipped / (1 - clipped))
    if not _overlap(log_odds[label == 1], log_odds[label == 0]):
        return float("nan"), float("nan")
    design = np.stack([np.ones(label.size), log_odds], axis=1)
    weights = np.array([np.log(label.mean() / (1 - label.mean())), 0.0])
    step = np.full(2, np.inf)
    for _ in range(NEWTON_STEPS):
        fitted = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        curvature = design.T @ (design * (fitted * (1 - fitted))[:, None])
        step = np.linalg.solve(curvature + 1e-9 * np.eye(2), design.T @ (label - fitted))
        weights = weights + step
    at_rest = np.abs(step).max() <= AT_REST
    return (float(weights[0]), float(weights[1])) if at_rest else (float("nan"), float("nan"))


def _overlap(one: Array, other: Array) -> bool:
    """Whether no threshold parts two samples; False where one is empty."""
    if not one.size or not other.size:
        return False
    return bool(max(one.min(), other.min()) < min(one.max(), other.max()))


def precision_recall_f1(label: Array, alarm: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean of a yes-or-no answer; NaN where undefined."""
    hits = float(label[alarm].sum())
    precision = hits / alarm.sum() if alarm.any() else float("nan")
    recall = hits / label.sum() if label.any() else float("nan")
    f1 = 2 * hits / (alarm.sum() + label.sum()) if alarm.any() or label.any() else float("nan")
    return float(precision), float(recall), float(f1)


def _midranks(score: Array) -> Array:
    _, where, count = np.unique(score, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    ranks: Array = ((2 * last - count + 1) / 2)[where]
    return ranks
