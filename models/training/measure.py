"""Every number said of a hypoglycaemia score, from one set of questions: ranking, honesty, alarms.

Sits over `metrics` and `event_alarms`; used by training records and by the evaluation alike.
"""

from typing import Final

import numpy as np

from models.training.event_alarms import alarms_at
from models.training.metrics import (
    auprc,
    auroc,
    calibration_slope,
    expected_calibration_error,
    precision_recall_f1,
    sensitivity_at_specificity,
)
from models.training.questions import Array, Questions

EVENT_SENSITIVITIES: Final = (70, 80, 90)
WORKING_SPECIFICITY: Final = 0.95
DIGITS: Final = 4


def measure(questions: Questions, score: Array) -> dict[str, float | None]:
    """Ranking, calibration and event-based alarms by name; None where the questions do not decide it."""
    at = {percent: alarms_at(questions, score, percent / 100) for percent in EVENT_SENSITIVITIES}
    alarms = {f"false_alarms_per_day_at_{percent}": found.false_per_day for percent, found in at.items()}
    lead = {f"lead_time_min_at_{percent}": found.lead_time_min for percent, found in at.items()}
    return ranking(questions.episode, score) | _rounded(alarms | lead)


def ranking(label: Array, score: Array) -> dict[str, float | None]:
    """Ranking and calibration by name. None with one class only, or where a score is no probability."""
    found = {
        "windows": float(label.size),
        "prevalence": float(label.mean()),
        "auroc": auroc(label, score),
        "auprc": auprc(label, score),
        "sensitivity_at_90_specificity": sensitivity_at_specificity(label, score, 0.90),
        "sensitivity_at_95_specificity": sensitivity_at_specificity(label, score, 0.95),
    }
    found |= dict(zip(("precision", "recall", "f1"), _at_working_point(label, score), strict=True))
    probable = score.min() >= 0 and score.max() <= 1
    found["ece"] = expected_calibration_error(label, score) if probable else float("nan")
    found["calibration_slope"] = calibration_slope(label, score) if probable else float("nan")
    return _rounded(found)


def _at_working_point(label: Array, score: Array) -> tuple[float, float, float]:
    """Precision, recall and F1 where 95 % of the questions without an episode stay silent."""
    if label.sum() in (0, label.size):
        return (float("nan"),) * 3
    threshold = np.quantile(score[label == 0], WORKING_SPECIFICITY, method="higher")
    return precision_recall_f1(label, score > threshold)


def _rounded(found: dict[str, float]) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else round(value, DIGITS) for name, value in found.items()}
