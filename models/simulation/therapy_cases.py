"""Virtual patients whose therapy is mis-set: the cases of a trial of setting adjustment.

Sits on the virtual patients and under the trial. Cases as in the published comparison: basal, carb ratio and
sensitivity each off by an independent factor, log-uniform from 0.65 to 1.5; adults and adolescents.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.dosing.therapy import Array, Therapy
from models.simulation.controller import reference_therapy
from models.simulation.virtual_patients import VirtualPatients, all_patients

GROUPS = ("adult", "adolescent")
LOWEST_FACTOR, HIGHEST_FACTOR = 0.65, 1.5


@dataclass(frozen=True)
class TherapyCases:
    """n cases: the patient, the settings that came with it, the mis-set start, and its three factors (n,
    3).
    """

    patients: VirtualPatients
    reference: Therapy
    start: Therapy
    factors: Array

    def __len__(self) -> int:
        return len(self.patients)

    def take(self, index: ArrayLike) -> "TherapyCases":
        """The cases at these positions."""
        rows = np.asarray(index)
        return TherapyCases(
            self.patients.take(rows), self.reference.take(rows), self.start.take(rows), self.factors[rows]
        )


def draw_cases(n: int, rng: np.random.Generator) -> TherapyCases:
    """n cases, the patients in turn, their factors at random."""
    in_turn = np.concatenate([np.flatnonzero(all_patients().group == group) for group in GROUPS])
    in_turn = in_turn.reshape(len(GROUPS), -1).T.ravel()  # adult, adolescent, adult, ...
    patients = all_patients().take(in_turn[np.arange(n) % in_turn.size])
    reference = reference_therapy(patients)
    factors = np.exp(rng.uniform(np.log(LOWEST_FACTOR), np.log(HIGHEST_FACTOR), (n, 3)))
    basal, carb_ratio, sensitivity = factors.T[:, :, None]
    return TherapyCases(patients, reference, reference.scaled(basal, carb_ratio, sensitivity), factors)
