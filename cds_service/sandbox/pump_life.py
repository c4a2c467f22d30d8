"""Two weeks on an insulin pump, from the project's type 1 simulator: sensor, boluses, basal, carbs.

Sits between `models.simulation` and `patients`. All pump users are simulated together, which costs no more
than one of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cds_service.sandbox.personas import PumpTherapy
from models.simulation.controller import HOURS, Therapy, reference_therapy
from models.simulation.run import Trace, simulate_world
from models.simulation.virtual_patients import patients_named
from models.simulation.worlds import World

NIGHT_HOURS: Final = range(5)
BOLUS_STEP_U: Final = 0.05
"""Smallest bolus step of current pumps; smaller boluses are not delivered."""

RATE_STEP_U_PER_H: Final = 0.025

LIFE: Final = World(
    "demonstration",
    carb_error_cv=0.2,
    missed_bolus_share=0.08,
    late_bolus_share=0.2,
    dawn_rise=0.04,
    insulin_action_cv=0.1,
    exercise_per_day=0.2,
    exercise_use_rise=0.3,
    rescue_carbs_g=7.0,
)


@dataclass(frozen=True, slots=True)
class PumpDays:
    """What sensor and pump recorded in five-minute slots from midnight: arrays (slots,), rate (24,)."""

    cgm_mgdl: NDArray[np.float64]
    bolus_u: NDArray[np.float64]
    carbs_g: NDArray[np.float64]
    basal_u_per_h: NDArray[np.float64]


def live(therapies: Mapping[str, PumpTherapy], days: int, seed: int) -> dict[str, PumpDays]:
    """The days of each pump user by patient id; the same for the same arguments."""
    patients = patients_named(*(pump.virtual_patient for pump in therapies.values()))
    therapy = _programmed(reference_therapy(patients), list(therapies.values()))
    trace = simulate_world(patients, therapy, LIFE, days, np.random.default_rng(seed))
    return {name: _recorded(trace, therapy, row) for row, name in enumerate(therapies)}


def _programmed(therapy: Therapy, pumps: Sequence[PumpTherapy]) -> Therapy:
    """The therapy as it is set on the pumps: the night factor on basal, rates in the pump's steps."""
    factor = np.ones((len(pumps), HOURS))
    for row, pump in enumerate(pumps):
        factor[row, list(NIGHT_HOURS)] = pump.night_basal_factor
    rate = np.round(therapy.basal_u_per_h * factor / RATE_STEP_U_PER_H) * RATE_STEP_U_PER_H
    return replace(therapy, basal_u_per_h=rate)


def _recorded(trace: Trace, therapy: Therapy, row: int) -> PumpDays:
    return PumpDays(
        cgm_mgdl=trace.cgm_mgdl[row],
        bolus_u=np.round(trace.bolus_u[row] / BOLUS_STEP_U) * BOLUS_STEP_U,
        carbs_g=np.round(trace.announced_g[row]),
        basal_u_per_h=therapy.basal_u_per_h[row],
    )
