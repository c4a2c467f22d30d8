"""Glucose arithmetic between mg/dL and mmol/L, and classification in the unit the device reported."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

GlucoseUnit = Literal["mg/dL", "mmol/L"]

MGDL_PER_MMOLL: Final = 18.0156
"""Molar mass of glucose, 180.156 g/mol (IUPAC atomic weights, 2021), over ten."""


def to_mgdl(value: float, unit: GlucoseUnit) -> float:
    """Glucose in mg/dL. For arithmetic only: bands are decided in the native unit (`round_native`)."""
    return value * MGDL_PER_MMOLL if unit == "mmol/L" else value


def to_mmoll(value_mgdl: float) -> float:
    """Glucose in mmol/L, unrounded."""
    return value_mgdl / MGDL_PER_MMOLL


def round_native(value: NDArray[np.float64], unit: GlucoseUnit) -> NDArray[np.float64]:
    """Values as a meter shows them: whole mg/dL, or mmol/L to one decimal (half up, not half to even)."""
    step = 10.0 if unit == "mmol/L" else 1.0
    rounded: NDArray[np.float64] = np.floor(value * step + 0.5) / step
    return rounded
