"""How large a calibration error probabilities show that are exactly right, by chance alone.

Beside `metrics.expected_calibration_error`, for its reader: a few thousand nights hold no smaller one.
"""

from typing import Any, Final

import numpy as np

from models.training.metrics import Array, expected_calibration_error

DRAWS: Final = 200
STAYS_BELOW: Final = 0.975
DIGITS: Final = 4
KEY: Final = "ece_of_right_probabilities"


def with_chance(found: dict[str, Any], score: Array, seed: int) -> dict[str, Any]:
    """The metrics of a score and, of a probability, what its calibration error could be by chance."""
    if found["ece"] is None:
        return found
    return found | {KEY: round(error_by_chance(score, seed), DIGITS)}


def error_by_chance(probability: Array, seed: int) -> float:
    """What the error stays below in 39 of 40 draws of answers that follow these probabilities, float64[m].

    Each question is drawn by itself, so of questions that overlap it is a lower bound.
    """
    draws, ascending = np.random.default_rng(seed), np.sort(probability)
    errors = [
        expected_calibration_error((draws.random(ascending.size) < ascending).astype(np.float64), ascending)
        for _ in range(DRAWS)
    ]
    return float(np.quantile(errors, STAYS_BELOW))
