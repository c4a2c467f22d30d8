"""A virtual cohort with type 2 diabetes that starts basal insulin, day by day for as long as a titration
lasts.

Sits beside the type 1 simulator and shares nothing with it: fasting glucose, dose and HbA1c only, no meals,
no CGM. It exists to compare titration rules (time to target, lows), not to predict a person.

Calibrated to the Treat-to-Target Trial (Riddle, Rosenstock, Gerich, Diabetes Care 2003;26:3080-3086): under
its weekly rule 24 weeks end at a mean fasting glucose of 117 mg/dL, HbA1c 6.96 % and about 60 % at or below 7
%. Entry values and the final dose (HbA1c 8.6 %, fasting 198 mg/dL, 98 kg, 47 U) are recalled and not
re-checked against the paper.

Assumptions, all in the constants below:
- Insulin lowers the fasting level hyperbolically: G0 / (1 + dose / half-dose); the half-dose varies
  log-normally between people (insulin resistance) and is larger with weight.
- A change of dose is felt with a time constant of four days.
- Fasting glucose varies between days, and the meter adds its error.
- Not every due change of dose is made.
- Mean glucose follows fasting glucose with a slope below one, because meals go on; HbA1c follows mean glucose
  by the ADAG line (Nathan et al., Diabetes Care 2008;31:1473-1478) with the lag of red cells.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.simulation.virtual_patients import Array

ENTRY_FASTING_MGDL, ENTRY_FASTING_CV = 198.0, 0.18
WEIGHT_KG, WEIGHT_CV = 98.0, 0.18
HALF_DOSE_U_PER_KG, HALF_DOSE_CV = 0.69, 0.60
RESPONSE_DAYS = 4.0
DAY_TO_DAY_CV, METER_CV = 0.14, 0.05
CHANGES_MADE = 0.41
MEAN_AT_TARGET_MGDL, TARGET_FASTING_MGDL, MEAN_PER_FASTING, MEAN_SD_MGDL = 151.0, 117.0, 0.58, 19.0
ADAG_SLOPE, ADAG_OFFSET = 28.7, 46.7
MEAN_SHAPE = 2.0  # of a gamma distribution: some people rise far more after meals than most
HBA1C_LAG_DAYS = 30.0
START_U = 10.0
LOW_MGDL, VERY_LOW_MGDL = 72.0, 56.0  # documented and severe limits of the trial

Titration = Callable[[Array, Array], Array]
"""Dose now (n,) and the fasting readings since the last review (n, days), newest last, to the new dose (n,),
U/day.
"""


@dataclass(frozen=True)
class Type2Cohort:
    """People about to start basal insulin; arrays are (n,)."""

    weight_kg: Array
    entry_fasting_mgdl: Array
    half_dose_u: Array
    mean_offset_mgdl: Array

    def __len__(self) -> int:
        return len(self.weight_kg)

    def fasting_level_mgdl(self, dose_u: Array) -> Array:
        """Fasting glucose that this daily dose leads to, (n,)."""
        return self.entry_fasting_mgdl / (1.0 + dose_u / self.half_dose_u)

    def hba1c_percent(self, fasting_level_mgdl: Array) -> Array:
        """HbA1c that this fasting level leads to, (n,)."""
        above = fasting_level_mgdl - TARGET_FASTING_MGDL
        mean_mgdl = MEAN_AT_TARGET_MGDL + MEAN_PER_FASTING * above + self.mean_offset_mgdl
        return (mean_mgdl + ADAG_OFFSET) / ADAG_SLOPE


@dataclass(frozen=True)
class Course:
    """What a titration did: daily columns (n, days).

    `fasting_mgdl` is what the meter showed; `hba1c_percent` what the laboratory would have found that day.
    """

    dose_u: Array
    fasting_mgdl: Array
    hba1c_percent: Array

    def lows_per_patient_year(self, below_mgdl: float = LOW_MGDL) -> float:
        """Fasting readings below a limit, per patient and year."""
        return float(np.mean(self.fasting_mgdl < below_mgdl) * 365.0)


def draw_cohort(n: int, rng: np.random.Generator) -> Type2Cohort:
    """n people as they entered the trial."""
    weight_kg = WEIGHT_KG * np.clip(1.0 + WEIGHT_CV * rng.standard_normal(n), 0.5, 1.8)
    return Type2Cohort(
        weight_kg=weight_kg,
        entry_fasting_mgdl=ENTRY_FASTING_MGDL
        * np.clip(1.0 + ENTRY_FASTING_CV * rng.standard_normal(n), 0.65, 1.6),
        half_dose_u=HALF_DOSE_U_PER_KG
        * weight_kg
        * np.exp(np.sqrt(np.log1p(HALF_DOSE_CV**2)) * rng.standard_normal(n)),
        mean_offset_mgdl=MEAN_SD_MGDL * (rng.gamma(MEAN_SHAPE, size=n) - MEAN_SHAPE) / np.sqrt(MEAN_SHAPE),
    )


def run_titration(
    cohort: Type2Cohort, titrate: Titration, rng: np.random.Generator, days: int = 168, cadence_days: int = 7
) -> Course:
    """Start everybody at 10 U and let `titrate` review the dose every `cadence_days`."""
    n = len(cohort)
    dose_u, level = np.full(n, START_U), cohort.entry_fasting_mgdl
    hba1c = cohort.hba1c_percent(level)
    doses, fasting, hba1cs = (np.empty((n, days)) for _ in range(3))
    for day in range(days):
        if day and day % cadence_days == 0:
            proposed = titrate(dose_u, fasting[:, day - cadence_days : day])
            dose_u = np.where(rng.random(n) < CHANGES_MADE, np.maximum(proposed, 0.0), dose_u)
        level = level + (cohort.fasting_level_mgdl(dose_u) - level) / RESPONSE_DAYS
        hba1c = hba1c + (cohort.hba1c_percent(level) - hba1c) / HBA1C_LAG_DAYS
        varies = 1.0 + DAY_TO_DAY_CV * rng.standard_normal(n) + METER_CV * rng.standard_normal(n)
        doses[:, day], fasting[:, day], hba1cs[:, day] = dose_u, level * np.maximum(varies, 0.3), hba1c
    return Course(doses, fasting, hba1cs)
