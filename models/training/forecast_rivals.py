"""Forecasts that need no trees: persistence, the present slope, the linear reference.

Compared with what is served, by the training record and the evaluation.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import Column
from models.risk.glucose_forecast_interval import reference_inputs

Array = NDArray[np.float64]


def rivals(features: Mapping[str, Column], references: Mapping[int, Array]) -> dict[str, dict[int, Array]]:
    """Changes float64[m] from the newest reading, mg/dL, by name and horizon in minutes.

    `references` are the weights of the linear reference by horizon.
    """
    slope = np.nan_to_num(features["slope_15_min_mgdl_per_min"])
    inputs = reference_inputs(features)
    return {
        "persistence": {horizon: np.zeros(slope.size) for horizon in references},
        "linear_extrapolation": {horizon: slope * horizon for horizon in references},
        "ridge": {horizon: inputs @ weights for horizon, weights in references.items()},
    }
