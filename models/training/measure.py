"""Every number said of a hypoglycaemia score, from one set of questions: ranking, honesty, alarms.

Sits over `metrics` and `event_alarms`; used by training records and by the evaluation alike.
"""

from typing import Final

import numpy as np

from models.training.event_alarms import Array, Questions, alarms_at
from models.training.metrics import (
    auprc,
    auroc,
    calibration_slope,
    expected_calibration_error,
    sensitivity_at_specificity,
)

EVENT_SENSITIVITIES: Final = (70, 80, 90)
DIGITS: Final = 4


def measure(questions: Questions, score: Array) -> dict[str, float | None]:
    """Metrics by name; None where the questions do not decide it (one class only, no event counted)."""
    label = questions.episode
    found = {
        "windows": float(label.size),
        "prevalence": float(label.mean()),
        "auroc": auroc(label, score),
        "auprc": auprc(label, score),
        "ece": expected_calibration_error(label, score),
        "calibration_slope": calibration_slope(label, score),
        "sensitivity_at_90_specificity": sensitivity_at_specificity(label, score, 0.90),
        "sensitivity_at_95_specificity": sensitivity_at_specificity(label, score, 0.95),
    }
    for percent in EVENT_SENSITIVITIES:
        found[f"false_alarms_per_day_at_{percent}"] = alarms_at(questions, score, percent / 100).false_per_day
    return {name: None if np.isnan(value) else round(value, DIGITS) for name, value in found.items()}
