"""Intervals of a forecast's errors and coverage, had other people been drawn.

Sits under the evaluation of the forecast, beside `forecast_measure`, whose numbers these surround.
"""

import numpy as np
from numpy.typing import NDArray

from models.training.forecast_measure import Array, own_coverage, worst_decile
from models.training.patient_bootstrap import drawn_people, intervals_of


def error_intervals(person: NDArray[np.int64], error: Array, seed: int) -> dict[str, list[float | None]]:
    """95 % intervals of `rmse` and `mae`, mg/dL, from float64[m] (NaN where not known) of these people."""
    known = ~np.isnan(error)
    if not known.any():
        return intervals_of({name: np.full(1, np.nan) for name in ("rmse", "mae")})
    sums = _own(person[known], error[known] ** 2, np.abs(error[known]))
    count, squared, absolute = (drawn_people(len(sums), seed) @ sums).T
    return intervals_of({"rmse": np.sqrt(squared / count), "mae": absolute / count})


def coverage_intervals(person: NDArray[np.int64], inside: Array, seed: int) -> dict[str, list[float | None]]:
    """The same of the coverage of all, and of the tenth of the people drawn who were covered least."""
    known = ~np.isnan(inside)
    names = ("coverage_90", "coverage_90_worst_decile")
    if not known.any():
        return intervals_of({name: np.full(1, np.nan) for name in names})
    person, inside = person[known], inside[known]
    sums = _own(person, inside)
    count, held = (drawn_people(len(sums), seed) @ sums).T
    return intervals_of(
        dict(zip(names, (held / count, _worst(own_coverage(person, inside), seed)), strict=True))
    )


def _own(person: NDArray[np.int64], *values: Array) -> Array:
    """Number of answers and sums of values, a row for each person with any: float64[people, 1 + values]."""
    sums = np.stack([np.bincount(person), *(np.bincount(person, value) for value in values)], axis=1)
    return np.asarray(sums[sums[:, 0] > 0], np.float64)


def _worst(own: Array, seed: int) -> Array:
    """The worst decile in each resample, float64[resamples], of people with answers enough."""
    if not own.size:
        return np.full(1, np.nan)
    rising = np.sort(own)
    drawn = drawn_people(own.size, seed).astype(np.int64)
    return np.array([worst_decile(np.repeat(rising, times)) for times in drawn])
