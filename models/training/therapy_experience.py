"""Experience to learn the value of action from: virtual patients who live the same fortnight under many
therapies.

Sits on the simulator and under the fit. Lives are varied so that the model learns more than one world: the
patients' kinetics are perturbed, and each disturbance is drawn between none and its size in the shifted
world. The shifted world itself is a corner of that range: never drawn, but not outside of it either.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.dosing.setting_actions import PARTS, all_changes, applied
from models.dosing.setting_features import TherapyRecord, glucose_shares, setting_features
from models.dosing.therapy import Array, Therapy
from models.simulation.controller import reference_therapy
from models.simulation.run import simulate
from models.simulation.therapy_cases import GROUPS, HIGHEST_FACTOR, LOWEST_FACTOR
from models.simulation.virtual_patients import VirtualPatients, patients_in
from models.simulation.worlds import DEFAULT, SHIFTED, World, draw_circumstances

DAYS: Final = 14
CASES, TRIED = 200, 9  # of one draw: cases, and therapies tried with each, the first one unchanged
OUTCOME_NAMES: Final = ("gri", "tir", "tbr")
PERTURBED_SHARE, PERTURBED_SD = 0.55, 0.15
DEFAULT_SHARE = 0.3
ANY_PARTS_SHARE, ANY_PARTS_RANGE = (
    0.3,
    (np.log(0.78), np.log(1.12)),
)  # tried beside the changes a review may make

Policy = Callable[[NDArray[np.str_], dict[str, Array]], Array]
"""Names (n,) and features to the log insulin factors of a review, (n, 6)."""


@dataclass(frozen=True)
class Experience:
    """n cases: features (n, k), changes tried (n, m, 6), outcomes of each (n, m, 3), the patient's name
    (n,).
    """

    names: tuple[str, ...]
    features: Array
    log_factors: Array
    outcomes: Array
    patient: NDArray[np.str_]


def joined(parts: Iterable[Experience]) -> Experience:
    """All experience in one."""
    parts = tuple(parts)
    columns = [f.name for f in fields(Experience) if f.name != "names"]
    return Experience(parts[0].names, **{c: np.concatenate([getattr(p, c) for p in parts]) for c in columns})


def gather(seed: int, policy: Policy | None = None) -> Experience:
    """One draw of cases. With a policy, the therapy has been reviewed by it up to three times before."""
    rng = np.random.default_rng(seed)
    published = patients_in(*GROUPS)
    published = published.take(rng.permutation(np.arange(CASES) % len(published)))
    patients = perturbed(published, rng) if rng.random() < PERTURBED_SHARE else published
    world = DEFAULT if rng.random() < DEFAULT_SHARE else disturbed_world(rng)
    therapy = _mis_set(published, rng)
    if policy:
        for _ in range(int(rng.integers(0, 4))):
            names, features = published.name, setting_features(_live(patients, therapy, world, rng))
            therapy = applied(therapy, policy(names, features))
    features = setting_features(_live(patients, therapy, world, rng))
    tried = _changes_to_try(rng)
    rows = np.repeat(np.arange(CASES), TRIED)
    around = draw_circumstances(world, CASES, DAYS, rng).take(rows)
    after = applied(therapy.take(rows), tried.reshape(-1, len(PARTS)))
    shares = glucose_shares(simulate(patients.take(rows), after, around).glucose_mgdl)
    outcomes = np.stack([shares[name] for name in OUTCOME_NAMES], axis=-1).reshape(CASES, TRIED, -1)
    return Experience(
        tuple(features), np.stack(list(features.values()), axis=1), tried, outcomes, published.name
    )


def perturbed(patients: VirtualPatients, rng: np.random.Generator) -> VirtualPatients:
    """Patients who absorb and respond a little differently; their steady state at basal insulin stays."""
    action, gut, stomach, depot = np.exp(PERTURBED_SD * rng.standard_normal((4, len(patients))))
    kp3 = patients.kp3 * action
    return replace(
        patients,
        vmx=patients.vmx * action,
        kp3=kp3,
        kp1=patients.kp1 + (kp3 - patients.kp3) * patients.ib,
        kabs=patients.kabs * gut,
        kmax=patients.kmax * stomach,
        kmin=patients.kmin * stomach,
        ka1=patients.ka1 * depot,
        kd=patients.kd * depot,
        ka2=patients.ka2 * depot,
    )


def disturbed_world(rng: np.random.Generator) -> World:
    """A world with each disturbance drawn between none and its size in the shifted world."""

    def up_to(largest: float) -> float:
        return float(rng.uniform(0.0, largest))

    return replace(
        DEFAULT,
        name="disturbed",
        carb_error_cv=float(rng.uniform(0.10, SHIFTED.carb_error_cv)),
        missed_bolus_share=up_to(SHIFTED.missed_bolus_share),
        late_bolus_share=up_to(0.10),
        sensor_noise_factor=1.0 + up_to(SHIFTED.sensor_noise_factor - 1.0),
        sensor_gaps_per_day=up_to(SHIFTED.sensor_gaps_per_day),
        dawn_rise=up_to(SHIFTED.dawn_rise),
        insulin_action_cv=up_to(SHIFTED.insulin_action_cv),
        exercise_per_day=up_to(SHIFTED.exercise_per_day),
        exercise_use_rise=SHIFTED.exercise_use_rise,
    )


def _mis_set(patients: VirtualPatients, rng: np.random.Generator) -> Therapy:
    """As in the trial, or nearer to the reference, and for half of the cases uneven over the day."""
    wide = rng.random((CASES, 1)) < 0.6
    low = np.where(wide, np.log(LOWEST_FACTOR), np.log(0.78))
    high = np.where(wide, np.log(HIGHEST_FACTOR), np.log(1.30))
    basal, carb_ratio, sensitivity = np.exp(rng.uniform(low, high, (CASES, 3))).T[:, :, None]
    uneven = 0.07 * rng.standard_normal((CASES, len(PARTS))) * (rng.random((CASES, 1)) < 0.5)
    return applied(reference_therapy(patients).scaled(basal, carb_ratio, sensitivity), uneven)


def _live(
    patients: VirtualPatients, therapy: Therapy, world: World, rng: np.random.Generator
) -> TherapyRecord:
    trace = simulate(patients, therapy, draw_circumstances(world, CASES, DAYS, rng))
    return TherapyRecord(
        trace.cgm_mgdl, trace.basal_u, trace.bolus_u, trace.announced_g, therapy, patients.weight_kg
    )


def _changes_to_try(rng: np.random.Generator) -> Array:
    offered = np.array([change.log_factors for change in all_changes()])
    tried = offered[rng.integers(1, len(offered), (CASES, TRIED))]
    any_parts = rng.uniform(*ANY_PARTS_RANGE, tried.shape) * (rng.random(tried.shape) < 0.5)
    tried = np.where(rng.random((CASES, TRIED, 1)) < ANY_PARTS_SHARE, any_parts, tried)
    tried[:, 0] = 0.0
    return tried
