"""Random meals: three main meals and three snacks a day with their usual times and sizes.

Sits beside models.simulation.worlds, which turns meals into what is eaten and what is announced.
Distribution: the random scenario of simglucose 0.2.11 (MIT), meal times rounded to five-minute slots.
"""

from dataclasses import dataclass

import numpy as np

from models.simulation.virtual_patients import Array

SLOT_MIN = 5
SLOTS_PER_HOUR = 60 // SLOT_MIN
SLOTS_PER_DAY = 24 * SLOTS_PER_HOUR


@dataclass(frozen=True)
class MealHabit:
    """One meal of the day: how often it is taken, when (hours: earliest, usual, latest, SD), how large
    (g).
    """

    probability: float
    earliest_h: float
    usual_h: float
    latest_h: float
    sd_h: float
    grams: float
    sd_grams: float


HABITS = (
    MealHabit(0.95, 5, 7, 9, 1.0, 45, 10),
    MealHabit(0.30, 9, 9.5, 10, 0.5, 10, 5),
    MealHabit(0.95, 10, 12, 14, 1.0, 70, 10),
    MealHabit(0.30, 14, 15, 16, 0.5, 10, 5),
    MealHabit(0.95, 16, 18, 20, 1.0, 80, 10),
    MealHabit(0.30, 20, 21.5, 23, 0.5, 10, 5),
)


def draw_meals_g(n_patients: int, days: int, rng: np.random.Generator) -> Array:
    """Carbohydrate put on the plate at the start of each five-minute slot, g, (n_patients, days * 288)."""
    carbs_g = np.zeros((n_patients, days * SLOTS_PER_DAY))
    patient, day = np.indices((n_patients, days))
    for habit in HABITS:
        taken = rng.random((n_patients, days)) < habit.probability
        hour = _truncated_normal_h(habit, (n_patients, days), rng)
        grams = np.maximum(np.round(rng.normal(habit.grams, habit.sd_grams, (n_patients, days))), 0.0)
        slot = day * SLOTS_PER_DAY + np.minimum(np.round(hour * SLOTS_PER_HOUR), SLOTS_PER_DAY - 1).astype(
            int
        )
        carbs_g[patient[taken], slot[taken]] += grams[taken]
    return carbs_g


def _truncated_normal_h(habit: MealHabit, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    hour: Array = np.full(shape, np.nan)
    while (outside := ~((hour >= habit.earliest_h) & (hour <= habit.latest_h))).any():
        hour[outside] = rng.normal(habit.usual_h, habit.sd_h, int(outside.sum()))
    return hour
