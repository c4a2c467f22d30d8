"""Type 1 therapy settings by hour of the day, for one patient or many.

Sits under setting features, setting actions and the simulator's bolus calculator.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
HOURS = 24


@dataclass(frozen=True, slots=True)
class Therapy:
    """Settings by hour of the day, (n, 24) each; sensitivity is the fall per unit of insulin."""

    basal_u_per_h: Array
    carb_ratio_g_per_u: Array
    sensitivity_mgdl_per_u: Array

    def __len__(self) -> int:
        return len(self.basal_u_per_h)

    def take(self, index: ArrayLike) -> "Therapy":
        """The settings of the patients at these positions, repeats allowed."""
        rows = np.asarray(index)
        return Therapy(
            self.basal_u_per_h[rows], self.carb_ratio_g_per_u[rows], self.sensitivity_mgdl_per_u[rows]
        )

    def scaled(
        self, basal: Array | float, carb_ratio: Array | float, sensitivity: Array | float
    ) -> "Therapy":
        """Each setting times its factor: scalar, (n, 1) or (n, 24)."""
        return Therapy(
            self.basal_u_per_h * basal,
            self.carb_ratio_g_per_u * carb_ratio,
            self.sensitivity_mgdl_per_u * sensitivity,
        )
