"""Four weeks and more of a virtual person's wearables, with labelled illnesses, bursts and silences.

A descriptive generator: own level, course of the day, day-to-day correlation, odd days, noise, and gaps.
What it shows is a demonstration; sizes are chosen by us, in the order of published ones (Mishra 2020,
Nat Biomed Eng 4:1208, for the onset of an infection).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.features.sampling import DAY_MS, MINUTE_MS
from models.time_series import TimeSeries, series_of

Array = NDArray[np.float64]

START_MS: Final = 1_735_689_600_000
"""2025-01-01T00:00Z; the people live in UTC."""

HOUR_MS: Final = 60 * MINUTE_MS
QUIET_DAYS: Final = 30
EVENT_EVERY_DAYS: Final = 16
"""First four weeks and two days without events, then one event at a random start in every 16 days."""

ILLNESS_DAYS: Final = (4.0, 8.0)
ONSET_DAYS: Final = 1.5
ILLNESS_SIZE: Final = (0.5, 1.5)
BURST_HOURS: Final = (3.0, 12.0)
BURST_PER_MIN: Final = (35.0, 70.0)
SILENCE_DAYS: Final = (4.0, 8.0)

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


class EventKind(StrEnum):
    """What is injected."""

    ILLNESS = "illness"
    BURST = "burst"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Event:
    """One injected event from `start_ms` to `end_ms`."""

    kind: EventKind
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Course:
    """How a signal runs: its level between and within people, its day, its noise, and what illness does.

    `night_fall` is subtracted at the lowest hour of the night; `illness` is the shift of an illness of
    size 1; `every_hours` the sampling.
    """

    signal: str
    unit: str
    level: float
    people_sd: float
    day_sd: float
    night_fall: float
    noise_sd: float
    illness: float
    every_hours: int
    lowest: float = 0.0
    highest: float = 300.0


COURSES: Final = (
    Course(signals.HEART_RATE, "/min", 72, 8, 2.5, 16, 5, 8, 1),
    Course(signals.HEART_RATE_RESTING, "/min", 60, 8, 2.0, 0, 0.7, 7, 24),
    Course(signals.HRV_SDNN, "ms", 50, 14, 6.0, 0, 3.0, -12, 24, lowest=5.0),
    Course(signals.RESPIRATION_RATE, "/min", 15, 1.6, 0.5, 1.5, 0.8, 2.5, 1),
    Course(signals.SPO2, "%", 96.3, 0.8, 0.4, 0.6, 1.0, -1.5, 1, highest=100.0),
    Course(signals.BODY_TEMPERATURE, "Cel", 36.5, 0.2, 0.12, 0.4, 0.2, 0.9, 12),
)


@dataclass(frozen=True, slots=True)
class Wearer:
    """A virtual person: one series per signal, and the events that were injected."""

    series: dict[str, TimeSeries]
    events: tuple[Event, ...]


def virtual_wearer(rng: np.random.Generator, days: int) -> Wearer:
    """One person over so many days."""
    events = draw_events(rng, days)
    sizes = {event: float(rng.uniform(*ILLNESS_SIZE)) for event in events}
    unworn = rng.random(days) < UNWORN_DAY_SHARE
    odd = np.where(rng.random(days) < ODD_DAY_SHARE, ODD_DAY_SD, 0.0)
    fast_per_min = float(rng.uniform(*BURST_PER_MIN))
    series = {}
    for course in COURSES:
        at_ms = (
            START_MS + np.arange(0, days * 24, course.every_hours, dtype=np.int64) * HOUR_MS + HOUR_MS // 2
        )
        value = _usual(course, at_ms, odd, rng)
        for event in events:
            if event.kind is EventKind.ILLNESS:
                value += sizes[event] * course.illness * illness_course(at_ms, event)
            if event.kind is EventKind.BURST and course.signal == signals.HEART_RATE:
                value += fast_per_min * ((at_ms >= event.start_ms) & (at_ms < event.end_ms))
        if course.signal == signals.HEART_RATE:
            value += _exercise(at_ms, days, rng)
        value = np.clip(value, course.lowest, course.highest)
        keep = _measured(course, at_ms, unworn, events, rng)
        series[course.signal] = series_of(course.signal, course.unit, at_ms[keep], value[keep])
    return Wearer(series, events)


def draw_events(rng: np.random.Generator, days: int) -> tuple[Event, ...]:
    """One event in every block of days after the quiet ones, kinds at random, each ending in its block."""
    found = []
    for first in range(QUIET_DAYS, days - EVENT_EVERY_DAYS + 1, EVENT_EVERY_DAYS):
        kind = list(EventKind)[rng.integers(len(EventKind))]
        start_ms = START_MS + first * DAY_MS + int(rng.uniform(0, 4 * DAY_MS))
        length_days = {
            EventKind.ILLNESS: rng.uniform(*ILLNESS_DAYS),
            EventKind.BURST: rng.uniform(*BURST_HOURS) / 24,
            EventKind.SILENCE: rng.uniform(*SILENCE_DAYS),
        }[kind]
        found.append(Event(kind, start_ms, start_ms + int(length_days * DAY_MS)))
    return tuple(found)


def illness_course(at_ms: NDArray[np.int64], event: Event) -> Array:
    """0 to 1 at each instant: rises over a day and a half, stays, and has fallen again at the end."""
    rise = (at_ms - event.start_ms) / (ONSET_DAYS * DAY_MS)
    fall = (event.end_ms - at_ms) / (ONSET_DAYS * DAY_MS)
    return np.clip(np.minimum(rise, fall), 0.0, 1.0)


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
    for number in range(1, odd.size):
        fresh = np.sqrt(1 - DAY_CORRELATION**2) * rng.normal()
        daily[number] = DAY_CORRELATION * daily[number - 1] + fresh
    towards_illness = np.sign(course.illness)
    of_day = course.day_sd * (daily + towards_illness * odd)
    hour = (at_ms - START_MS) % DAY_MS / HOUR_MS
    night = course.night_fall * (1 + np.cos((hour - 4) / 24 * 2 * np.pi)) / 2
    level = rng.normal(course.level, course.people_sd)
    value: Array = level + of_day[day] - night + rng.normal(0, course.noise_sd, at_ms.size)
    return value


def _measured(
    course: Course, at_ms: NDArray[np.int64], unworn: NDArray[np.bool_], events: tuple[Event, ...],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:  # fmt: skip
    """Which samples arrive: not on unworn days, not while charging in the evening, not in a silence."""
    hour = (at_ms - START_MS) % DAY_MS // HOUR_MS
    keep = (rng.random(at_ms.size) >= GAP_SHARE) & ~unworn[(at_ms - START_MS) // DAY_MS]
    if course.every_hours == 1:
        keep &= (hour < 20) | (hour >= 20 + CHARGING_HOURS)
    for event in events:
        if event.kind is EventKind.SILENCE:
            keep &= (at_ms < event.start_ms) | (at_ms >= event.end_ms)
    return keep
