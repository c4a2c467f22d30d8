"""Whole local days of one person on a type 1 therapy: glucose, insulin and carbohydrate in five-minute slots.

Sits between the record of a patient and what is computed from it: setting features, personal fit, behaviour.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.dosing.schedule import Array

SLOT_MIN = 5
SLOTS_PER_H = 60 // SLOT_MIN
SLOTS_PER_DAY = 24 * SLOTS_PER_H


@dataclass(frozen=True, slots=True)
class RecordedDays:
    """Columns of length slots, from a local midnight on, whole days.

    Attributes:
        first_day: number of the first local calendar day since 1970-01-01.
        cgm_mgdl: readings, NaN where there is none.
        basal_u, bolus_u, carbs_g: delivered and entered in each slot; 0 is "none was recorded".
    """

    first_day: int
    cgm_mgdl: Array
    basal_u: Array
    bolus_u: Array
    carbs_g: Array

    def __post_init__(self) -> None:
        if not self.cgm_mgdl.size or self.cgm_mgdl.size % SLOTS_PER_DAY:
            raise ValueError("recorded days are whole days, and at least one")
        if len({column.size for column in (self.cgm_mgdl, self.basal_u, self.bolus_u, self.carbs_g)}) > 1:
            raise ValueError("the columns of recorded days must be of one length")

    @property
    def days(self) -> int:
        """How many."""
        return self.cgm_mgdl.size // SLOTS_PER_DAY

    @property
    def hour(self) -> NDArray[np.int64]:
        """Hour of the local day of each slot, (slots,)."""
        return np.asarray(np.arange(self.cgm_mgdl.size) % SLOTS_PER_DAY // SLOTS_PER_H)
