"""Experience to learn the value of action from: virtual patients who live the same fortnight under many
therapies.

Sits on the simulator and under the fit. Lives are varied so that the model learns more than one world: the
patients' kinetics are perturbed, and disturbances are drawn up to a share of those of the shifted world. With
half of them the shifted world stays out of training; with all of them it is a corner of it.
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
TRIED: Final = 9  # therapies with each case, the first one unchanged
OUTCOME_NAMES: Final = ("gri", "tir", "tbr")
PERTURBED_SHARE, PERTURBED_SD = 0.55, 0.15
LARGEST_LATE_SHARE: Final = 0.10  # of boluses half an hour late; the shifted world has none
ANY_PARTS_SHARE, ANY_PARTS_RANGE = (
    0.3,
    (np.log(0.78), np.log(1.12)),
)  # tried beside the changes a review may make

Policy = Callable[[NDArray[np.str_], dict[str, Array]], Array]
"""Names (n,) and features to the log insulin factors of a review, (n, 6)."""


@dataclass(frozen=True, slots=True)
class Lives:
    """What is lived in one draw: how many cases, how often in the default world, and how disturbed otherwise.

    `disturbance` is the largest part of each of the shifted world's disturbances.
    """

    cases: int
    default_share: float
    disturbance: float


HALF_DISTURBED: Final = Lives(100, 0.4, 0.5)
DISTURBED: Final = Lives(200, 0.3, 1.0)


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


def gather(seed: int, lives: Lives, policy: Policy | None = None) -> Experience:
    """One draw of cases. With a policy, the therapy has been reviewed by it up to three times before."""
    rng = np.random.default_rng(seed)
    published = patients_in(*GROUPS)
    published = published.take(rng.permutation(np.arange(lives.cases) % len(published)))
    patients = perturbed(published, rng) if rng.random() < PERTURBED_SHARE else published
    world = DEFAULT if rng.random() < lives.default_share else disturbed_world(rng, lives.disturbance)
    therapy = _mis_set(published, rng)
    if policy:
        for _ in range(int(rng.integers(0, 4))):
            names, features = published.name, setting_features(_live(patients, therapy, world, rng))
            therapy = applied(therapy, policy(names, features))
    features = setting_features(_live(patients, therapy, world, rng))
    tried = _changes_to_try(lives.cases, rng)
    rows = np.repeat(np.arange(lives.cases), TRIED)
    around = draw_circumstances(world, lives.cases, DAYS, rng).take(rows)
    after = applied(therapy.take(rows), tried.reshape(-1, len(PARTS)))
    shares = glucose_shares(simulate(patients.take(rows), after, around).glucose_mgdl)
    outcomes = np.stack([shares[name] for name in OUTCOME_NAMES], axis=-1).reshape(lives.cases, TRIED, -1)
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


def disturbed_world(rng: np.random.Generator, part: float) -> World:
    """A world with each disturbance drawn between none and this part of the shifted world's."""

    def up_to(largest: float) -> float:
        return float(rng.uniform(0.0, part * largest))

    miscounted = DEFAULT.carb_error_cv + part * (SHIFTED.carb_error_cv - DEFAULT.carb_error_cv)

    return replace(
        DEFAULT,
        name="disturbed",
        carb_error_cv=float(rng.uniform(0.10, miscounted)),
        missed_bolus_share=up_to(SHIFTED.missed_bolus_share),
        late_bolus_share=float(rng.uniform(0.0, LARGEST_LATE_SHARE)),
        sensor_noise_factor=1.0 + up_to(SHIFTED.sensor_noise_factor - 1.0),
        sensor_gaps_per_day=up_to(SHIFTED.sensor_gaps_per_day),
        dawn_rise=up_to(SHIFTED.dawn_rise),
        insulin_action_cv=up_to(SHIFTED.insulin_action_cv),
        exercise_per_day=up_to(SHIFTED.exercise_per_day),
        exercise_use_rise=SHIFTED.exercise_use_rise,
    )


def _mis_set(patients: VirtualPatients, rng: np.random.Generator) -> Therapy:
    """As in the trial, or nearer to the reference, and for half of the cases uneven over the day."""
    n = len(patients)
    wide = rng.random((n, 1)) < 0.6
    low = np.where(wide, np.log(LOWEST_FACTOR), np.log(0.78))
    high = np.where(wide, np.log(HIGHEST_FACTOR), np.log(1.30))
    basal, carb_ratio, sensitivity = np.exp(rng.uniform(low, high, (n, 3))).T[:, :, None]
    uneven = 0.07 * rng.standard_normal((n, len(PARTS))) * (rng.random((n, 1)) < 0.5)
    return applied(reference_therapy(patients).scaled(basal, carb_ratio, sensitivity), uneven)


def _live(
    patients: VirtualPatients, therapy: Therapy, world: World, rng: np.random.Generator
) -> TherapyRecord:
    trace = simulate(patients, therapy, draw_circumstances(world, len(patients), DAYS, rng))
    return TherapyRecord(
        trace.cgm_mgdl, trace.basal_u, trace.bolus_u, trace.announced_g, therapy, patients.weight_kg
    )


def _changes_to_try(cases: int, rng: np.random.Generator) -> Array:
    offered = np.array([change.log_factors for change in all_changes()])
    tried = offered[rng.integers(1, len(offered), (cases, TRIED))]
    any_parts = rng.uniform(*ANY_PARTS_RANGE, tried.shape) * (rng.random(tried.shape) < 0.5)
    tried = np.where(rng.random((cases, TRIED, 1)) < ANY_PARTS_SHARE, any_parts, tried)
    tried[:, 0] = 0.0
    return tried
