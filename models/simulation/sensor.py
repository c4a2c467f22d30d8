"""A continuous glucose sensor: its correlated, skewed error, its range and its gaps.

Sits beside models.simulation.worlds. Error model: Breton and Kovatchev 2008 (autoregressive, Johnson SU
transform) with the constants of simglucose 0.2.11 (MIT), there on a 15-minute grid; gap rate: see
models.simulation.worlds.
"""

import numpy as np
from numpy.typing import NDArray

from models.simulation.meals import SLOTS_PER_DAY
from models.simulation.virtual_patients import Array

AUTOCORRELATION = 0.7
JOHNSON_XI, JOHNSON_LAMBDA, JOHNSON_GAMMA, JOHNSON_DELTA = -5.47, 15.9574, -0.5444, 1.6898
LOWEST_MGDL, HIGHEST_MGDL = 39.0, 600.0
SLOTS_PER_ERROR = 3  # the error is modelled every 15 minutes

# Four-point cubic interpolation at one and two thirds between the middle points.
THIRDS = np.array([[0.0, 81.0, 0.0, 0.0], [-5.0, 60.0, 30.0, -4.0], [-4.0, 30.0, 60.0, -5.0]]) / 81.0


def johnson_error_mgdl(innovations: Array) -> Array:
    """Sensor error every 15 minutes from standard normal innovations, mg/dL, (n, steps) to (n, steps)."""
    latent = np.empty_like(innovations)
    latent[:, 0] = innovations[:, 0]
    for i in range(1, innovations.shape[1]):
        latent[:, i] = AUTOCORRELATION * (latent[:, i - 1] + innovations[:, i])
    return JOHNSON_XI + JOHNSON_LAMBDA * np.sinh((latent - JOHNSON_GAMMA) / JOHNSON_DELTA)


def draw_error_mgdl(n_patients: int, slots: int, rng: np.random.Generator) -> Array:
    """Sensor error at each five-minute slot, mg/dL, (n_patients, slots)."""
    steps = -(-slots // SLOTS_PER_ERROR)
    error = johnson_error_mgdl(rng.standard_normal((n_patients, steps + 3)))
    neighbours = np.lib.stride_tricks.sliding_window_view(error, 4, axis=1)
    return (neighbours @ THIRDS.T).reshape(n_patients, -1)[:, :slots]


def draw_gaps(
    n_patients: int, slots: int, per_day: float, mean_slots: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """True where the sensor says nothing: gaps begin at random and last an exponential time, (n_patients,
    slots).
    """
    starts = rng.random((n_patients, slots)) < per_day / SLOTS_PER_DAY
    length = np.ceil(rng.exponential(mean_slots, (n_patients, slots)))
    slot = np.arange(slots)
    end = np.maximum.accumulate(np.where(starts, slot + length, 0.0), axis=1)
    return np.asarray(slot < end)


def read_mgdl(glucose_mgdl: Array, error_mgdl: Array, gap: NDArray[np.bool_]) -> Array:
    """What the sensor shows, within its range; NaN in a gap."""
    shown = np.clip(glucose_mgdl + error_mgdl, LOWEST_MGDL, HIGHEST_MGDL)
    return np.where(gap, np.nan, shown)
