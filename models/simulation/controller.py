"""Basal-bolus therapy: hourly settings, and a bolus calculator that knows its insulin on board.

Sits beside models.simulation.run, which asks it for a bolus whenever carbohydrate is announced.
Convention: active insulin reduces the correction and never the food part (the bolus
calculators of insulin pumps).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.simulation.virtual_patients import Array, VirtualPatients

HOURS = 24
# Correction aims at the target and begins above the threshold, as in the basal-bolus controller of simglucose
# 0.2.11; below the low target the meal bolus is reduced (bolus calculator convention).
TARGET_MGDL, CORRECT_ABOVE_MGDL, LOW_TARGET_MGDL = 140.0, 150.0, 100.0


@dataclass(frozen=True)
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


def reference_therapy(patients: VirtualPatients) -> Therapy:
    """The settings that came with the virtual patients, the same at every hour."""
    hourly = np.ones((1, HOURS))
    return Therapy(
        patients.basal_u_per_h[:, None] * hourly,
        patients.carb_ratio_g_per_u[:, None] * hourly,
        patients.correction_mgdl_per_u[:, None] * hourly,
    )


def meal_bolus_u(
    carbs_g: Array,
    glucose_mgdl: Array,
    on_board_u: Array,
    carb_ratio_g_per_u: Array,
    sensitivity_mgdl_per_u: Array,
) -> Array:
    """Bolus of the calculator, U, (n,). Without a glucose reading (NaN) it covers the food alone."""
    high = np.where(
        glucose_mgdl > CORRECT_ABOVE_MGDL, (glucose_mgdl - TARGET_MGDL) / sensitivity_mgdl_per_u, 0.0
    )
    correction = np.maximum(high - on_board_u, 0.0)
    reduction = np.where(
        glucose_mgdl < LOW_TARGET_MGDL, (LOW_TARGET_MGDL - glucose_mgdl) / sensitivity_mgdl_per_u, 0.0
    )
    return np.maximum(carbs_g / carb_ratio_g_per_u + correction - reduction, 0.0)
