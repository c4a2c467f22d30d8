"""The curves behind the numbers, for a page that shows them: ROC, and stated against observed risk.

Sits beside `metrics`; label float64[m] of 0 and 1, score float64[m]. Points are JSON pairs.
"""

from typing import Any, Final

import numpy as np

from models.training.metrics import CALIBRATION_BINS, Array

ROC_POINTS: Final = 200
DIGITS: Final = 4

Points = list[list[float]]


def curves(label: Array, score: Array) -> dict[str, Points | None]:
    """`roc`, None with one class only, and `calibration`, None where the score is no probability."""
    probable = score.min() >= 0 and score.max() <= 1
    both = 0 < label.sum() < label.size
    return {
        "roc": roc(label, score) if both else None,
        "calibration": calibration(label, score) if probable else None,
    }


def roc(label: Array, score: Array) -> Points:
    """False and true positive share from no alarm to always, at distinct scores, thinned."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), label.size - 1)
    hits = np.cumsum(label[order])[last]
    alarms = last + 1 - hits
    share = np.stack([alarms / alarms[-1], hits / hits[-1]], axis=1)
    even = np.linspace(0, 1, ROC_POINTS)
    kept = np.unique(np.concatenate([np.searchsorted(share[:, axis], even) for axis in (0, 1)]))
    return _pairs(np.concatenate([[[0.0, 0.0]], share[np.minimum(kept, len(share) - 1)]]))


def calibration(label: Array, probability: Array) -> Points:
    """Mean stated and observed share in bins of equal counts, the bins of the calibration error."""
    order = np.argsort(probability, kind="stable")
    bins = np.array_split(order, min(CALIBRATION_BINS, order.size))
    return _pairs(np.array([[probability[b].mean(), label[b].mean()] for b in bins]))


def _pairs(points: Array) -> Points:
    pairs: Any = np.round(points, DIGITS).tolist()
    return list(pairs)
