"""Sensitivity, carb ratio and basal need of one person, from two weeks of their records, with uncertainty.

Sits on the replay and under the setting adjustment. Over four hours glucose changes by what insulin takes,
carbohydrate brings, the body produces, and what is lost in proportion to the level; all four are linear, so
the fit is least squares, for each combination of insulin peak and absorption time, and the best one is kept.
Uncertainty: whole days drawn again (bootstrap). How well it explains: each day predicted from the others,
against a model that knows time and level but neither insulin nor carbohydrate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.assessment import Interval, Reason, ReasonCode
from models.dosing.recorded_days import RecordedDays
from models.dosing.replay import (
    ABSORPTIONS_MIN,
    CHANGE,
    DAY,
    LEVEL,
    NIGHT,
    PEAKS_MIN,
    Replay,
    action,
    replay,
)
from models.dosing.schedule import Array

FEWEST_STRETCHES: Final = 250
"""Of about 600 in two weeks; less is as if the sensor was worn less than half of the time."""

# Below, and wider than this (upper over lower bound of what days drawn again give for the sensitivity), the
# error in simulated people of known truth is several times larger (tests/benchmarks/personal_fit.py).
LEAST_EXPLAINED_PERCENT: Final = 30.0
WIDEST_RATIO: Final = 3.0
LEAST_USABLE_DRAWS: Final = 0.9

DRAWS: Final = 200
TAILS: Final = (0.05, 0.95)
SEED: Final = 20261121
"""The same records give the same intervals."""

RIDGE: Final = 1e-9
MODEL_ERROR: Final[Mapping[str, float]] = {
    "sensitivity_mgdl_per_u": 0.50,
    "carb_ratio_g_per_u": 0.60,
    "basal_night_u_per_h": 0.38,
    "basal_day_u_per_h": 0.30,
}
"""What days drawn again cannot tell, as half width of the logarithm: a person is not four straight lines.
With it 90 % of the intervals hold the truth of simulated people (tests/benchmarks/personal_fit.py)."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PersonalFit:
    """What one person's records say, at 120 mg/dL; 90 % intervals from days drawn again.

    Attributes:
        sensitivity_mgdl_per_u: fall of glucose at its lowest within six hours of one unit.
        carb_ratio_g_per_u: carbohydrate that one unit undoes.
        basal_night_u_per_h, basal_day_u_per_h: basal need from midnight to six, and otherwise.
        insulin_peak_min, absorption_min: the curves that fit best.
        explained_percent: of the squared error of the model without insulin and carbohydrate, on days left
            out.
        error_mgdl, naive_error_mgdl: root mean square error over four hours on days left out, of the fit and
            of "glucose stays where it is".
    """

    sensitivity_mgdl_per_u: Interval
    carb_ratio_g_per_u: Interval
    basal_night_u_per_h: Interval
    basal_day_u_per_h: Interval
    insulin_peak_min: float
    absorption_min: float
    explained_percent: float
    error_mgdl: float
    naive_error_mgdl: float
    days: int


@dataclass(frozen=True)
class _Solutions:
    """The best solution of each of b data sets: (b, 11) coefficients by column of the replay, and whether
    one makes sense: insulin lowers glucose, carbohydrate raises it, and its level does not drive it away.
    """

    coefficients: Array
    peak: Indices
    absorption: Indices
    possible: NDArray[np.bool_]


def fit_person(days: RecordedDays) -> PersonalFit | Reason:
    """The fit, or why there is none."""
    if not (days.bolus_u.any() and days.carbs_g.any()):
        text = "No boluses or no carbohydrate entries are on record, so the therapy cannot be replayed."
        return Reason(ReasonCode.MISSING, "personal_fit", text)
    stretches = replay(days)
    if stretches.stretches < FEWEST_STRETCHES:
        text = "Too few stretches of four hours with glucose to fit sensitivity and basal need."
        return Reason(ReasonCode.SPARSE, "personal_fit", text)
    best = _solve(stretches.products.sum(axis=0)[None])
    drawn = _solve(_drawn_again(stretches.products))
    if not best.possible[0] or drawn.possible.mean() < LEAST_USABLE_DRAWS:
        text = "The records fit no insulin sensitivity above zero: doses or meals are missing from them."
        return Reason(ReasonCode.IMPLAUSIBLE, "personal_fit", text)
    fit = _fit(best, drawn, stretches)
    if fit.explained_percent < LEAST_EXPLAINED_PERCENT:
        text = (
            f"Recorded insulin and carbohydrate explain {max(fit.explained_percent, 0.0):.0f} % of the "
            f"swings of glucose; at least {LEAST_EXPLAINED_PERCENT:.0f} % are needed."
        )
        return Reason(ReasonCode.IMPLAUSIBLE, "personal_fit", text)
    low, high = np.quantile(_derived(drawn)["sensitivity_mgdl_per_u"][drawn.possible], TAILS)
    if high > WIDEST_RATIO * low:
        text = "The sensitivity differs too much between the days of these records to be told."
        return Reason(ReasonCode.SPARSE, "personal_fit", text)
    return fit


def _drawn_again(products: Array) -> Array:
    """The sums of products of as many days, drawn with replacement, (DRAWS, 11, 11)."""
    used = products[products[:, CHANGE, CHANGE] > 0.0]
    times = np.random.default_rng(SEED).multinomial(len(used), np.full(len(used), 1.0 / len(used)), DRAWS)
    return np.asarray(np.tensordot(times.astype(np.float64), used, axes=1))


def _solve(products: Array) -> _Solutions:
    """Least squares for each of b sums of products, (b, 11, 11), over all curves, with and without level."""
    count, width = len(products), products.shape[1]
    lowest = np.full(count, np.inf)
    found = np.zeros((count, width))
    peak, absorption = np.zeros((2, count), np.int64)
    for p, a, with_level in product(range(len(PEAKS_MIN)), range(len(ABSORPTIONS_MIN)), (True, False)):
        columns = [p, len(PEAKS_MIN) + a, NIGHT, DAY, *([LEVEL] if with_level else [])]
        solution, error = _least_squares(products, columns)
        signed = solution[:, [0, 1, *([4] if with_level else [])]]
        better = (signed > 0.0).all(axis=1) & (error < lowest)
        lowest[better], peak[better], absorption[better] = error[better], p, a
        found[better] = 0.0
        found[np.flatnonzero(better)[:, None], columns] = solution[better]
    return _Solutions(found, peak, absorption, np.isfinite(lowest))


def _least_squares(products: Array, columns: list[int]) -> tuple[Array, Array]:
    """Coefficients of these columns, (b, k), and the sum of squared errors, (b,)."""
    within = products[:, columns][:, :, columns]
    towards = products[:, columns, CHANGE]
    scale = np.trace(within, axis1=1, axis2=2)[:, None, None]
    steady = within + RIDGE * scale * np.eye(len(columns))
    solution = np.linalg.solve(steady, towards[..., None])[..., 0]
    return solution, products[:, CHANGE, CHANGE] - (solution * towards).sum(axis=1)


def _errors(products: Array, coefficients: Array) -> Array:
    """Sum of squared errors of coefficients (d, 11) on the days (d, 11, 11) they were not fitted to."""
    signed = coefficients.copy()
    signed[:, CHANGE] = -1.0
    return np.asarray(np.einsum("di,dij,dj->d", signed, products, signed))


def _fit(best: _Solutions, drawn: _Solutions, stretches: Replay) -> PersonalFit:
    products = stretches.products
    others = products.sum(axis=0) - products
    time_and_level, _ = _least_squares(others, [NIGHT, DAY, LEVEL])
    plain = np.zeros((len(products), products.shape[1]))
    plain[:, [NIGHT, DAY, LEVEL]] = time_and_level
    error = _errors(products, _solve(others).coefficients).sum()
    values, spread = _derived(best), {n: v[drawn.possible] for n, v in _derived(drawn).items()}
    return PersonalFit(
        **{
            name: _interval(float(values[name][0]), spread[name], extra)
            for name, extra in MODEL_ERROR.items()
        },
        insulin_peak_min=PEAKS_MIN[best.peak[0]],
        absorption_min=ABSORPTIONS_MIN[best.absorption[0]],
        explained_percent=float(100.0 * (1.0 - error / _errors(products, plain).sum())),
        error_mgdl=float(np.sqrt(error / stretches.stretches)),
        naive_error_mgdl=float(np.sqrt(products[:, CHANGE, CHANGE].sum() / stretches.stretches)),
        days=int((products[:, CHANGE, CHANGE] > 0.0).sum()),
    )


def _derived(found: _Solutions) -> dict[str, Array]:
    """The settings that the coefficients stand for, (b,) each; NaN where there is no solution."""
    rows = np.arange(len(found.peak))
    sensitivity = np.where(found.possible, found.coefficients[rows, found.peak], np.nan)
    rise_per_g = found.coefficients[rows, len(PEAKS_MIN) + found.absorption]
    return {
        "sensitivity_mgdl_per_u": sensitivity * _deepest(found),
        "carb_ratio_g_per_u": sensitivity / np.where(found.possible, rise_per_g, np.nan),
        "basal_night_u_per_h": found.coefficients[:, NIGHT] / sensitivity,
        "basal_day_u_per_h": found.coefficients[:, DAY] / sensitivity,
    }


def _deepest(found: _Solutions) -> Array:
    """Largest share of a unit's whole effect that is ever seen, as glucose regains its level, (b,)."""
    acting = np.array([action(peak) for peak in PEAKS_MIN])[found.peak]
    kept = np.exp(-found.coefficients[:, LEVEL] / 12.0)
    fall, deepest = np.zeros((2, len(found.peak)))
    for share in acting.T:
        fall = fall * kept + share
        deepest = np.maximum(deepest, fall)
    return deepest


def _interval(value: float, drawn: Array, model_error: float) -> Interval:
    """Both uncertainties together; a value below zero (glucose falls without insulin) keeps its sign."""
    low, high = np.quantile(drawn, TAILS)
    sampling = np.abs(np.array([low, high]) - value)
    factor = np.expm1(np.array([-model_error, model_error])) * abs(value)
    spread = np.hypot(sampling, factor)
    return Interval(value, float(value - spread[0]), float(value + spread[1]))
