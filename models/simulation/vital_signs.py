"""A virtual person's wearables over weeks in which nothing happens; `vital_events` puts anomalies in.

A descriptive generator: own level, course of the day, day-to-day correlation, odd days, noise, and gaps.
What it shows is a demonstration; sizes are chosen by us.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.features.sampling import DAY_MS, MINUTE_MS
from models.patient_record import PatientRecord
from models.time_series import TimeSeries, series_of

Array = NDArray[np.float64]

START_MS: Final = 1_735_689_600_000
"""2025-01-01T00:00Z; the people live in UTC."""

HOUR_MS: Final = 60 * MINUTE_MS
HOUR: Final = 60
DAY: Final = 24 * 60
FIRST_MS: Final = 15 * MINUTE_MS
"""Minutes of an hour and a day; the first sample comes a quarter after midnight."""

DAY_CORRELATION: Final = 0.4
ODD_DAY_SHARE: Final = 0.08
ODD_DAY_SD: Final = 2.5
"""On 8 % of days everything is off by 2.5 day-to-day SDs: alcohol, travel, a hard training."""

EXERCISE_SHARE: Final = 0.4
EXERCISE_PER_MIN: Final = (30.0, 60.0)
"""On four days of ten, one or two hours between 07:00 and 19:00 with a faster heart."""

GAP_SHARE: Final = 0.12
UNWORN_DAY_SHARE: Final = 0.06
CHARGING_HOURS: Final = 2


@dataclass(frozen=True, slots=True)
class Course:
    """How a signal runs: its level between and within people, its day, and its noise.

    `night_fall` is subtracted at the lowest hour of the night; `odd` is the direction in which odd days
    are off; `every_min` the sampling.
    """

    signal: str
    unit: str
    level: float
    people_sd: float
    day_sd: float
    night_fall: float
    noise_sd: float
    odd: int
    every_min: int
    lowest: float = 0.0
    highest: float = 300.0


COURSES: Final = (
    Course(signals.HEART_RATE, "/min", 72, 8, 2.5, 16, 5, 1, HOUR),
    Course(signals.HEART_RATE_RESTING, "/min", 60, 8, 2.0, 0, 0.7, 1, DAY),
    Course(signals.HRV_SDNN, "ms", 50, 14, 6.0, 0, 3.0, -1, DAY, lowest=5.0),
    Course(signals.RESPIRATION_RATE, "/min", 15, 1.6, 0.5, 1.5, 0.8, 1, HOUR),
    Course(signals.SPO2, "%", 96.3, 0.8, 0.4, 0.6, 1.0, -1, HOUR // 2, highest=100.0),
    Course(signals.BODY_TEMPERATURE, "Cel", 36.5, 0.2, 0.12, 0.4, 0.2, 1, 12 * HOUR),
    Course(signals.STEPS_PER_DAY, "/day", 7000, 2000, 1500, 0, 800, -1, DAY, 200.0, 40_000.0),
    Course(signals.SLEEP_DURATION, "min", 420, 40, 30, 0, 30, -1, DAY, 60.0, 900.0),
    Course(signals.SYSTOLIC, "mm[Hg]", 120, 5, 4, 0, 8, 1, 12 * HOUR, 70.0, 250.0),
    Course(signals.DIASTOLIC, "mm[Hg]", 72, 4, 2.5, 0, 5, 1, 12 * HOUR, 40.0, 150.0),
)


def virtual_wearer(name: str, rng: np.random.Generator, days: int) -> PatientRecord:
    """One person over so many days."""
    unworn = rng.random(days) < UNWORN_DAY_SHARE
    odd = np.where(rng.random(days) < ODD_DAY_SHARE, ODD_DAY_SD, 0.0)
    series = {course.signal: _series(course, unworn, odd, rng) for course in COURSES}
    return PatientRecord(name, zone="UTC", series=series)


def _series(course: Course, unworn: NDArray[np.bool_], odd: Array, rng: np.random.Generator) -> TimeSeries:
    minutes = np.arange(0, odd.size * DAY, course.every_min, dtype=np.int64)
    at_ms = START_MS + minutes * MINUTE_MS + FIRST_MS
    value = _usual(course, at_ms, odd, rng)
    if course.signal == signals.HEART_RATE:
        value += _exercise(at_ms, odd.size, rng)
    value = np.clip(value, course.lowest, course.highest)
    keep = _measured(course, at_ms, unworn, rng)
    return series_of(course.signal, course.unit, at_ms[keep], value[keep])


def _exercise(at_ms: NDArray[np.int64], days: int, rng: np.random.Generator) -> Array:
    """What exercise adds to each hour."""
    added = np.zeros(days * 24)
    for day in np.flatnonzero(rng.random(days) < EXERCISE_SHARE):
        first = day * 24 + int(rng.integers(7, 18))
        added[first : first + int(rng.integers(1, 3))] = rng.uniform(*EXERCISE_PER_MIN)
    rise: Array = added[(at_ms - START_MS) // HOUR_MS]
    return rise


def _usual(course: Course, at_ms: NDArray[np.int64], odd: Array, rng: np.random.Generator) -> Array:
    day = (at_ms - START_MS) // DAY_MS
    daily = np.empty(odd.size)
    daily[0] = rng.normal()
    for number in range(1, daily.size):
        fresh = np.sqrt(1 - DAY_CORRELATION**2) * rng.normal()
        daily[number] = DAY_CORRELATION * daily[number - 1] + fresh
    of_day = course.day_sd * (daily + course.odd * odd)
    hour = (at_ms - START_MS) % DAY_MS / HOUR_MS
    night = course.night_fall * (1 + np.cos((hour - 4) / 24 * 2 * np.pi)) / 2
    level = rng.normal(course.level, course.people_sd)
    value: Array = level + of_day[day] - night + rng.normal(0, course.noise_sd, at_ms.size)
    return value


def _measured(
    course: Course, at_ms: NDArray[np.int64], unworn: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Which samples arrive: not on unworn days, not while charging in the evening."""
    hour = (at_ms - START_MS) % DAY_MS // HOUR_MS
    keep = (rng.random(at_ms.size) >= GAP_SHARE) & ~unworn[(at_ms - START_MS) // DAY_MS]
    if course.every_min <= HOUR:
        keep &= (hour < 20) | (hour >= 20 + CHARGING_HOURS)
    return keep
