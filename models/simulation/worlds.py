"""Worlds: what happens to virtual patients that their therapy does not decide.

Sits above meals and sensor and below models.simulation.run. One draw of circumstances can be lived through
under many therapies, so that comparisons share their randomness.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.simulation.meals import SLOT_MIN, SLOTS_PER_DAY, SLOTS_PER_HOUR, draw_meals_g
from models.simulation.sensor import draw_error_mgdl, draw_gaps
from models.simulation.virtual_patients import Array

DAWN_PEAK_H, DAWN_SD_H = 6.0, 1.5
EXERCISE_HOUR, EXERCISE_SD_H = 17.0, 2.0
EXERCISE_SLOTS = 45 // SLOT_MIN
EXERCISE_TAIL_MIN = 90.0  # time constant of the raised glucose use after exercise
COUNTED_CARBS_BOUNDS = (0.3, 2.0)  # a count is never further off than this factor


@dataclass(frozen=True)
class World:
    """How regular life is. Shares are 0 to 1, CVs fractions, rates per day.

    Attributes:
        carb_error_cv: of the announced relative to the eaten carbohydrate.
        missed_bolus_share: of meals eaten without being announced.
        late_bolus_share: of announced meals whose bolus comes half an hour after the meal began.
        sensor_noise_factor, sensor_gaps_per_day, sensor_gap_mean_min: of the sensor.
        dawn_rise: of endogenous glucose production at 06:00.
        insulin_action_cv: of insulin action between the days of one person.
        exercise_per_day, exercise_use_rise: sessions, and the rise of glucose use during one.
        rescue_carbs_g: eaten when the sensor shows a low; 0 where nobody treats lows.
    """

    name: str
    carb_error_cv: float = 0.15
    missed_bolus_share: float = 0.0
    late_bolus_share: float = 0.0
    sensor_noise_factor: float = 1.0
    sensor_gaps_per_day: float = 0.0
    sensor_gap_mean_min: float = 60.0
    dawn_rise: float = 0.0
    insulin_action_cv: float = 0.0
    exercise_per_day: float = 0.0
    exercise_use_rise: float = 0.0
    rescue_carbs_g: float = 0.0


DEFAULT = World("default")
# Fixed second test world; never tuned on. Gap rate near the open CGM data: median 0.12 gaps > 30 min per day.
SHIFTED = World(
    "shifted",
    carb_error_cv=0.25,
    missed_bolus_share=0.10,
    sensor_noise_factor=1.3,
    sensor_gaps_per_day=0.2,
    dawn_rise=0.05,
    insulin_action_cv=0.12,
    exercise_per_day=2.0 / 7.0,
    exercise_use_rise=0.3,
)
WORLDS = {world.name: world for world in (DEFAULT, SHIFTED)}


@dataclass(frozen=True)
class Circumstances:
    """One draw of a world for n patients; arrays are (n, slots) of five minutes unless said otherwise.

    Attributes:
        eaten_g, announced_g: carbohydrate put on the plate, and what the bolus calculator is told.
        sensor_error_mgdl, sensor_gap: of the glucose sensor.
        insulin_action: (n, days) factor on insulin action.
        production: (288,) factor on endogenous glucose production by time of day.
        glucose_use: factor on glucose use.
        rescue_carbs_g: () eaten at a low.
    """

    eaten_g: Array
    announced_g: Array
    sensor_error_mgdl: Array
    sensor_gap: NDArray[np.bool_]
    insulin_action: Array
    glucose_use: Array
    production: Array
    rescue_carbs_g: float

    @property
    def slots(self) -> int:
        """Number of five-minute slots."""
        return int(self.eaten_g.shape[1])

    def take(self, index: ArrayLike) -> "Circumstances":
        """The circumstances of the patients at these positions, repeats allowed."""
        rows = np.asarray(index)
        per_patient = [f.name for f in fields(self) if f.name not in ("production", "rescue_carbs_g")]
        chosen = {name: getattr(self, name)[rows] for name in per_patient}
        return Circumstances(**chosen, production=self.production, rescue_carbs_g=self.rescue_carbs_g)


def draw_circumstances(world: World, n_patients: int, days: int, rng: np.random.Generator) -> Circumstances:
    """Draw `days` of life in this world for n patients."""
    shape = (n_patients, days * SLOTS_PER_DAY)
    eaten_g = draw_meals_g(n_patients, days, rng)
    return Circumstances(
        eaten_g=eaten_g,
        announced_g=_announce(world, eaten_g, rng),
        sensor_error_mgdl=world.sensor_noise_factor * draw_error_mgdl(*shape, rng),
        sensor_gap=draw_gaps(*shape, world.sensor_gaps_per_day, world.sensor_gap_mean_min / SLOT_MIN, rng),
        insulin_action=_mean_one_lognormal(world.insulin_action_cv, (n_patients, days), rng),
        glucose_use=1.0 + world.exercise_use_rise * _draw_exercise(world, n_patients, days, rng),
        production=dawn_factor(world.dawn_rise),
        rescue_carbs_g=world.rescue_carbs_g,
    )


def dawn_factor(rise: float) -> Array:
    """Factor on glucose production by slot of the day, (288,): a bell around 06:00."""
    hour = np.arange(SLOTS_PER_DAY) / SLOTS_PER_HOUR
    return 1.0 + rise * np.exp(-0.5 * ((hour - DAWN_PEAK_H) / DAWN_SD_H) ** 2)


def _announce(world: World, eaten_g: Array, rng: np.random.Generator) -> Array:
    counted = np.clip(1.0 + world.carb_error_cv * rng.standard_normal(eaten_g.shape), *COUNTED_CARBS_BOUNDS)
    told = rng.random(eaten_g.shape) >= world.missed_bolus_share
    announced = eaten_g * counted * told
    late = (rng.random(eaten_g.shape) < world.late_bolus_share) & (announced > 0.0)
    on_time = np.where(late, 0.0, announced)
    return on_time + np.roll(np.where(late, announced, 0.0), 30 // SLOT_MIN, axis=1)


def _mean_one_lognormal(cv: float, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    sigma = float(np.sqrt(np.log1p(cv**2)))
    factor: Array = np.exp(sigma * rng.standard_normal(shape) - sigma**2 / 2.0)
    return factor


def _draw_exercise(world: World, n_patients: int, days: int, rng: np.random.Generator) -> Array:
    """1 during exercise, decaying afterwards, 0 otherwise, (n_patients, days * 288)."""
    effort = np.zeros((n_patients, days * SLOTS_PER_DAY))
    takes_place = rng.random((n_patients, days)) < world.exercise_per_day
    hour = np.clip(rng.normal(EXERCISE_HOUR, EXERCISE_SD_H, (n_patients, days)), 7.0, 21.0)
    patient, day = np.nonzero(takes_place)
    start = day * SLOTS_PER_DAY + (hour[takes_place] * SLOTS_PER_HOUR).astype(int)
    for slot in range(SLOTS_PER_DAY // 2):
        since_end_min = max(slot - EXERCISE_SLOTS + 1, 0) * SLOT_MIN
        at = start + slot
        inside = at < effort.shape[1]
        effort[patient[inside], at[inside]] = np.exp(-since_end_min / EXERCISE_TAIL_MIN)
    return effort
