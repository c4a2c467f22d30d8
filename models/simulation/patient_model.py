"""The UVA/Padova type 1 glucose-insulin equations, for many patients at once, RK4 at one minute.

Sits under models.simulation.run, which feeds it minute by minute. No randomness and no clinical decisions
here.
Equations: Dalla Man, Rizza, Cobelli 2007 and Kovatchev 2009, in the form of simglucose 0.2.11 (MIT), with
which the trajectories agree within 0.2 mg/dL over three days (tests/test_simulation_patient_model.py).
"""

from dataclasses import dataclass

import numpy as np

from models.simulation.virtual_patients import PMOL_PER_U, Array, VirtualPatients

EATING_RATE_G_PER_MIN = 5.0
MG_PER_G = 1000.0

# Rows of the state: stomach solid and liquid, gut (mg); plasma and tissue glucose (mg/kg); plasma insulin
# (pmol/kg); insulin action on use, first and second delay of action on production (pmol/L); liver insulin,
# two subcutaneous insulin depots (pmol/kg); subcutaneous glucose (mg/kg).
SOLID, LIQUID, GUT, PLASMA_GLUCOSE, TISSUE_GLUCOSE, PLASMA_INSULIN = range(6)
ACTION_ON_USE, ACTION_DELAY, ACTION_ON_PRODUCTION, LIVER_INSULIN, DEPOT_1, DEPOT_2 = range(6, 12)
SUBCUTANEOUS_GLUCOSE = 12
# Masses that the reference simulator holds still rather than let them fall further below zero.
MASSES = (
    PLASMA_GLUCOSE, TISSUE_GLUCOSE, PLASMA_INSULIN, LIVER_INSULIN, DEPOT_1, DEPOT_2, SUBCUTANEOUS_GLUCOSE
)  # fmt: skip


@dataclass(frozen=True)
class Modulation:
    """What changes a patient's metabolism for a while: factors of 1 are the patient as published, (n,) each.

    Attributes:
        production: on endogenous glucose production (dawn effect).
        insulin_action: on the effect of insulin above (or below) its basal level on use and production.
        use: on insulin-dependent glucose use (exercise).
    """

    production: Array | float = 1.0
    insulin_action: Array | float = 1.0
    use: Array | float = 1.0


class PatientModel:
    """State of a batch of patients and the step that advances it by one minute.

    `state` is (13, n), rows named above. The object owns its scratch memory so that a step allocates nothing
    large; one object belongs to one thread.
    """

    def __init__(self, patients: VirtualPatients) -> None:
        n = len(patients)
        self.patients = p = patients
        self.state = patients.initial_state.copy()
        self.still_to_eat_g = np.zeros(n)
        self._eating_g = np.zeros(n)
        self._stomach_before_mg = self.state[SOLID] + self.state[LIQUID]
        self._eaten_mg = np.zeros(n)
        self._k = np.empty((4, *self.state.shape))
        self._stage = np.empty_like(self.state)
        self._scratch = np.empty((4, n))
        self._appearance = p.f * p.kabs / p.bw
        self._steep_full, self._steep_empty = 2.5 / (1.0 - p.b), 2.5 / p.d
        self._offset_full = self._steep_full * p.b
        self._half_range = (p.kmax - p.kmin) / 2.0
        self._plasma_loss, self._liver_loss = p.m2 + p.m4, p.m1 + p.m30
        self._depot_loss = p.ka1 + p.kd
        self._pmol_per_kg_per_u = PMOL_PER_U / p.bw
        self.modulate(Modulation())
        self._note_meal_size()

    @property
    def glucose_mgdl(self) -> Array:
        """Subcutaneous glucose, mg/dL, (n,): what a perfect sensor would read."""
        return np.asarray(self.state[SUBCUTANEOUS_GLUCOSE] / self.patients.vg)

    def modulate(self, change: Modulation) -> None:
        """Set the metabolic factors that hold from now on."""
        p = self.patients
        # action counts from the basal insulin level, so that basal insulin means the same every day
        unfelt = p.kp3 * p.ib * (change.insulin_action - 1.0)
        self._kp1 = (p.kp1 + unfelt) * change.production
        self._kp2 = p.kp2 * change.production
        self._kp3 = p.kp3 * change.production * change.insulin_action
        self._vm0 = p.vm0 * change.use
        self._vmx = p.vmx * change.insulin_action * change.use

    def step(self, insulin_u: Array, carbs_g: Array) -> None:
        """Advance one minute under this insulin (U in the minute, (n,)) and carbohydrate put on the plate (g,
        (n,)).

        Carbohydrate is eaten at 5 g/min until the plate is empty.
        """
        self.still_to_eat_g += carbs_g
        self._eat()
        self._rk4(insulin_u * self._pmol_per_kg_per_u, self._eating_g * MG_PER_G)

    def _eat(self) -> None:
        eating_g = np.minimum(self.still_to_eat_g, EATING_RATE_G_PER_MIN)
        starts = (eating_g > 0.0) & (self._eating_g <= 0.0)
        self.still_to_eat_g -= eating_g
        if starts.any():
            np.copyto(self._stomach_before_mg, self.state[SOLID] + self.state[LIQUID], where=starts)
            self._eaten_mg[starts] = 0.0
        if eating_g.any():
            self._eaten_mg += eating_g * MG_PER_G
            self._note_meal_size()
        self._eating_g = eating_g

    def _note_meal_size(self) -> None:
        """Gastric emptying depends on the stomach's content relative to the meal in progress."""
        meal_mg = self._stomach_before_mg + self._eaten_mg
        fed = meal_mg > 0.0
        self._per_meal_mg = np.divide(1.0, meal_mg, out=np.zeros_like(meal_mg), where=fed)
        self._emptying_swing = np.where(fed, self._half_range, 0.0)

    def _rk4(self, insulin: Array, carbs_mg: Array) -> None:
        x, y = self.state, self._stage
        k1, k2, k3, k4 = self._k
        self._derivative(x, k1, insulin, carbs_mg)
        np.multiply(k1, 0.5, out=y)
        y += x
        self._derivative(y, k2, insulin, carbs_mg)
        np.multiply(k2, 0.5, out=y)
        y += x
        self._derivative(y, k3, insulin, carbs_mg)
        np.add(x, k3, out=y)
        self._derivative(y, k4, insulin, carbs_mg)
        k2 += k3
        k2 *= 2.0
        k2 += k1
        k2 += k4
        k2 *= 1.0 / 6.0
        x += k2

    def _derivative(self, x: Array, dx: Array, insulin: Array, carbs_mg: Array) -> None:
        self._gut(x, dx, carbs_mg)
        self._glucose(x, dx)
        self._insulin(x, dx, insulin)
        for row in MASSES:
            if x[row].min() < 0.0:
                dx[row][x[row] < 0.0] = 0.0

    def _gut(self, x: Array, dx: Array, carbs_mg: Array) -> None:
        p, (fill, full, empty, flow) = self.patients, self._scratch
        np.add(x[SOLID], x[LIQUID], out=fill)
        fill *= self._per_meal_mg
        np.multiply(fill, self._steep_full, out=full)
        full -= self._offset_full
        np.tanh(full, out=full)
        np.multiply(fill, self._steep_empty, out=empty)
        empty -= 2.5
        np.tanh(empty, out=empty)
        full -= empty
        full *= self._emptying_swing
        full += p.kmax
        full *= x[LIQUID]  # mg/min leaving the stomach
        np.multiply(p.kmax, x[SOLID], out=flow)
        np.subtract(carbs_mg, flow, out=dx[SOLID])
        np.subtract(flow, full, out=dx[LIQUID])
        np.multiply(p.kabs, x[GUT], out=flow)
        np.subtract(full, flow, out=dx[GUT])

    def _glucose(self, x: Array, dx: Array) -> None:
        p, (term, exchange, uptake, _) = self.patients, self._scratch
        plasma, tissue, rate = x[PLASMA_GLUCOSE], x[TISSUE_GLUCOSE], dx[PLASMA_GLUCOSE]
        np.multiply(self._kp2, plasma, out=term)
        np.subtract(self._kp1, term, out=rate)
        np.multiply(self._kp3, x[ACTION_ON_PRODUCTION], out=term)
        rate -= term
        np.maximum(rate, 0.0, out=rate)
        np.multiply(self._appearance, x[GUT], out=term)
        rate += term
        rate -= p.fsnc
        np.subtract(plasma, p.ke2, out=term)
        np.maximum(term, 0.0, out=term)
        term *= p.ke1  # renal excretion
        rate -= term
        np.multiply(p.k1, plasma, out=exchange)
        np.multiply(p.k2, tissue, out=term)
        exchange -= term
        rate -= exchange
        np.multiply(self._vmx, x[ACTION_ON_USE], out=uptake)
        uptake += self._vm0
        uptake *= tissue
        np.add(p.km0, tissue, out=term)
        uptake /= term
        np.subtract(exchange, uptake, out=dx[TISSUE_GLUCOSE])
        np.subtract(plasma, x[SUBCUTANEOUS_GLUCOSE], out=term)
        np.multiply(p.ksc, term, out=dx[SUBCUTANEOUS_GLUCOSE])

    def _insulin(self, x: Array, dx: Array, insulin: Array) -> None:
        p, (term, concentration, _, _) = self.patients, self._scratch
        plasma, liver, first, second = x[PLASMA_INSULIN], x[LIVER_INSULIN], x[DEPOT_1], x[DEPOT_2]
        rate = dx[PLASMA_INSULIN]
        np.multiply(p.m1, liver, out=rate)
        np.multiply(p.ka1, first, out=term)
        rate += term
        np.multiply(p.ka2, second, out=term)
        rate += term
        np.multiply(p.kd, first, out=dx[DEPOT_2])
        dx[DEPOT_2] -= term
        np.multiply(self._plasma_loss, plasma, out=term)
        rate -= term
        np.multiply(p.m2, plasma, out=dx[LIVER_INSULIN])
        np.multiply(self._liver_loss, liver, out=term)
        dx[LIVER_INSULIN] -= term
        np.multiply(self._depot_loss, first, out=term)
        np.subtract(insulin, term, out=dx[DEPOT_1])
        np.divide(plasma, p.vi, out=concentration)
        np.subtract(concentration, x[ACTION_DELAY], out=dx[ACTION_DELAY])
        dx[ACTION_DELAY] *= p.ki
        np.subtract(x[ACTION_DELAY], x[ACTION_ON_PRODUCTION], out=dx[ACTION_ON_PRODUCTION])
        dx[ACTION_ON_PRODUCTION] *= p.ki
        concentration -= p.ib
        np.subtract(concentration, x[ACTION_ON_USE], out=dx[ACTION_ON_USE])
        dx[ACTION_ON_USE] *= p.p2u
