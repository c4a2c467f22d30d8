"""Let virtual patients live under a therapy and record what a glucose sensor and a pump would have recorded.

The door to models.simulation:

    simulate(patients: VirtualPatients, therapy: Therapy, circumstances: Circumstances) -> Trace
    simulate_world(patients, therapy, world: World, days: int, rng: np.random.Generator) -> Trace

    patients = patients_in("adult")                               # or patients_named("adult#001")
    therapy = reference_therapy(patients).scaled(1.2, 1.0, 1.0)   # basal 20 % too high
    trace = simulate_world(patients, therapy, SHIFTED, days=14, rng=np.random.default_rng(7))
    trace.cgm_mgdl                                                # (n, 4032), five-minute slots from midnight
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.dosing.insulin_on_board import RAPID_ADULT, remaining_fraction
from models.simulation.controller import Therapy, meal_bolus_u
from models.simulation.meals import SLOT_MIN, SLOTS_PER_DAY, SLOTS_PER_HOUR
from models.simulation.patient_model import Modulation, PatientModel
from models.simulation.sensor import read_mgdl
from models.simulation.virtual_patients import Array, VirtualPatients
from models.simulation.worlds import Circumstances, World, draw_circumstances

ON_BOARD_SLOTS = int(np.ceil(RAPID_ADULT.end_min / SLOT_MIN))
ON_BOARD_SHARE = remaining_fraction(np.arange(ON_BOARD_SLOTS, 0, -1) * SLOT_MIN, RAPID_ADULT)
TREAT_BELOW_MGDL, RETREAT_AFTER_SLOTS = 65.0, 4  # lows are treated, and again after 20 minutes


@dataclass(frozen=True)
class Trace:
    """What happened, (n, slots) of five minutes each, first slot at midnight.

    Attributes:
        glucose_mgdl: true subcutaneous glucose at the start of the slot.
        cgm_mgdl: what the sensor showed, NaN in a gap.
        basal_u, bolus_u: insulin delivered in the slot.
        announced_g: carbohydrate entered into the bolus calculator.
        eaten_g: carbohydrate put on the plate, rescue carbohydrate included.
    """

    glucose_mgdl: Array
    cgm_mgdl: Array
    basal_u: Array
    bolus_u: Array
    announced_g: Array
    eaten_g: Array

    def take(self, index: ArrayLike) -> "Trace":
        """The traces of the patients at these positions."""
        rows = np.asarray(index)
        return Trace(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


def simulate_world(
    patients: VirtualPatients, therapy: Therapy, world: World, days: int, rng: np.random.Generator
) -> Trace:
    """Draw `days` of this world for the patients and live through them."""
    return simulate(patients, therapy, draw_circumstances(world, len(patients), days, rng))


def simulate(patients: VirtualPatients, therapy: Therapy, circumstances: Circumstances) -> Trace:
    """Live through the circumstances; row i of each argument is one patient. Deterministic."""
    if not len(patients) == len(therapy) == len(circumstances.eaten_g):
        raise ValueError("patients, therapy and circumstances must have the same number of rows")
    life = _Life(patients, therapy, circumstances)
    for slot in range(circumstances.slots):
        life.live(slot)
    return Trace(**{name: values.T for name, values in life.recorded.items()})


class _Life:
    """The loop's working memory: the model, the record so far, and slot-major copies of the circumstances."""

    def __init__(self, patients: VirtualPatients, therapy: Therapy, circumstances: Circumstances) -> None:
        self.model = PatientModel(patients)
        self.therapy = therapy
        self.around = circumstances
        self.announced_g = np.ascontiguousarray(circumstances.announced_g.T)
        self.eaten_g = np.ascontiguousarray(circumstances.eaten_g.T)
        self.sensor_error_mgdl = np.ascontiguousarray(circumstances.sensor_error_mgdl.T)
        self.sensor_gap = np.ascontiguousarray(circumstances.sensor_gap.T)
        self.glucose_use = np.ascontiguousarray(circumstances.glucose_use.T)
        self.nothing_g = np.zeros(len(patients))
        self.treated_at = np.full(len(patients), -RETREAT_AFTER_SLOTS)
        shape = (circumstances.slots, len(patients))
        self.recorded = {name: np.zeros(shape) for name in Trace.__dataclass_fields__}
        self.recorded["announced_g"] = self.announced_g

    def live(self, slot: int) -> None:
        model, recorded = self.model, self.recorded
        self._modulate(slot)
        glucose_mgdl = model.glucose_mgdl
        cgm_mgdl = read_mgdl(glucose_mgdl, self.sensor_error_mgdl[slot], self.sensor_gap[slot])
        eaten_g = self.eaten_g[slot] + self._rescue_g(slot, cgm_mgdl)
        basal_u = self.therapy.basal_u_per_h[:, self._hour(slot)] / SLOTS_PER_HOUR
        bolus_u = self._bolus_u(slot, cgm_mgdl)
        recorded["glucose_mgdl"][slot], recorded["cgm_mgdl"][slot] = glucose_mgdl, cgm_mgdl
        recorded["basal_u"][slot], recorded["bolus_u"][slot] = basal_u, bolus_u
        recorded["eaten_g"][slot] = eaten_g
        insulin_u = (basal_u + bolus_u) / SLOT_MIN
        for minute in range(SLOT_MIN):
            model.step(insulin_u, eaten_g if minute == 0 else self.nothing_g)

    @staticmethod
    def _hour(slot: int) -> int:
        return slot % SLOTS_PER_DAY // SLOTS_PER_HOUR

    def _modulate(self, slot: int) -> None:
        around = self.around
        self.model.modulate(
            Modulation(
                production=float(around.production[slot % SLOTS_PER_DAY]),
                insulin_action=around.insulin_action[:, slot // SLOTS_PER_DAY],
                use=self.glucose_use[slot],
            )
        )

    def _rescue_g(self, slot: int, cgm_mgdl: Array) -> Array | float:
        if self.around.rescue_carbs_g == 0.0:
            return 0.0
        treats = (cgm_mgdl < TREAT_BELOW_MGDL) & (slot - self.treated_at >= RETREAT_AFTER_SLOTS)
        self.treated_at[treats] = slot
        return np.where(treats, self.around.rescue_carbs_g, 0.0)

    def _bolus_u(self, slot: int, cgm_mgdl: Array) -> Array:
        bolus_u = np.zeros(len(cgm_mgdl))
        rows = np.flatnonzero(self.announced_g[slot])
        if rows.size:
            hour = self._hour(slot)
            bolus_u[rows] = meal_bolus_u(
                self.announced_g[slot, rows],
                cgm_mgdl[rows],
                self._on_board_u(slot, rows),
                self.therapy.carb_ratio_g_per_u[rows, hour],
                self.therapy.sensitivity_mgdl_per_u[rows, hour],
            )
        return bolus_u

    def _on_board_u(self, slot: int, rows: np.ndarray) -> Array:
        since = max(0, slot - ON_BOARD_SLOTS)
        share = ON_BOARD_SHARE[ON_BOARD_SLOTS - (slot - since) :]
        return np.asarray(share @ self.recorded["bolus_u"][since:slot, rows])
