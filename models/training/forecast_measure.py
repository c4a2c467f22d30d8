"""Numbers said of a glucose forecast: errors, and how often its interval held, person by person.

Sits under the training record and the evaluation.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DIGITS: Final = 3
DECILE: Final = 0.1
FEWEST_QUESTIONS: Final = 200
"""People with fewer answered questions (about two days) are in the coverage, not in the worst decile."""


def errors_of(error: Array) -> dict[str, float | None]:
    """Root mean square and mean absolute error, mg/dL; None without any."""
    known = error[~np.isnan(error)]
    if not known.size:
        return {"rmse": None, "mae": None}
    return rounded({"rmse": np.sqrt(np.mean(known**2)), "mae": np.mean(np.abs(known))})


def coverage_of(person: NDArray[np.int64], inside: Array) -> dict[str, float | None]:
    """The share of answers inside the interval: of all, and the mean of the tenth of people with the lowest.

    `inside` float64[m]: 1, 0, NaN where unknown. None where there is none.
    """
    known = ~np.isnan(inside)
    if not known.any():
        return {"coverage_90": None, "coverage_90_worst_decile": None}
    own = np.sort(own_coverage(person[known], inside[known]))
    stated = {"coverage_90": inside[known].mean(), "coverage_90_worst_decile": worst_decile(own)}
    return rounded(stated, DIGITS + 1)


def worst_decile(own: Array) -> float:
    """The mean of the lowest tenth, one at least, of coverages in rising order; NaN without any."""
    return float(own[: max(1, round(DECILE * own.size))].mean()) if own.size else np.nan


def own_coverage(person: NDArray[np.int64], inside: Array) -> Array:
    """Coverage of each person with enough answers, float64[people]."""
    count = np.bincount(person)
    own = np.bincount(person, inside)[count >= FEWEST_QUESTIONS] / count[count >= FEWEST_QUESTIONS]
    return np.asarray(own, np.float64)


def rounded(found: dict[str, np.floating | float], digits: int = DIGITS) -> dict[str, float | None]:
    """As JSON takes them: None where not known."""
    return {name: None if np.isnan(value) else round(float(value), digits) for name, value in found.items()}
