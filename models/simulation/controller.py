"""Basal-bolus therapy: hourly settings, and a bolus calculator that knows its insulin on board.

Sits beside models.simulation.run, which asks it for a bolus whenever carbohydrate is announced.
Convention: active insulin reduces the correction and never the food part (the bolus
calculators of insulin pumps).
"""

import numpy as np

from models.dosing.therapy import HOURS as HOURS
from models.dosing.therapy import Therapy as Therapy
from models.simulation.virtual_patients import Array, VirtualPatients

# Correction aims at the target and begins above the threshold, as in the basal-bolus controller of simglucose
# 0.2.11; below the low target the meal bolus is reduced (bolus calculator convention).
TARGET_MGDL, CORRECT_ABOVE_MGDL, LOW_TARGET_MGDL = 140.0, 150.0, 100.0


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
