"""Questions and answers of the next two hours: when a low or high is asked about, and whether one followed.

Sits between `cgm_people` and the fits; the one place that looks ahead, and only for the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import HOLD_SLOTS, Column, Trailing, held
from models.risk.glucose_episodes import running_total
from models.risk.hypoglycemia_limits import ENOUGH_READINGS, RECENT_SLOTS
from models.training.cgm_people import Person
from models.training.questions import QUESTION_EVERY_SLOTS, Questions
from models.training.short_term_events import HYPOGLYCEMIA, Event
from models.training.task import Task

HORIZONS_MIN: Final = (30, 60, 120)
KNOWN_SHARE: Final = 0.8
"""An answer is known where at least this share of the horizon was observed, lows or not (our judgement)."""


@dataclass(frozen=True, slots=True)
class Windows:
    """m questions. `episode[horizon]` float64[m]: 1, 0, or NaN where unknown; `person` int64[m] index."""

    names: tuple[str, ...]
    features: dict[str, Column]
    episode: dict[int, Column]
    person: NDArray[np.int64]
    slot: NDArray[np.int64]

    def at(self, rows: NDArray[np.bool_]) -> dict[str, Column]:
        """The features of the questions selected by a mask."""
        return {name: column[rows] for name, column in self.features.items()}


def windows_of(people: Sequence[Person], event: Event = HYPOGLYCEMIA) -> Windows:
    """All questions of all people: every 15 minutes of the clock outside an episode, with a fresh reading."""
    at = [questions(person, event) for person in people]
    asked = list(zip(people, at, strict=True))
    features = [event.features(person.measured, slots, person.first_slot) for person, slots in asked]
    answers = [episodes_after(person.measured, slots, event) for person, slots in asked]
    return Windows(
        names=tuple(person.name for person in people),
        features={name: np.concatenate([f[name] for f in features]) for name in features[0]},
        episode={h: np.concatenate([a[h] for a in answers]) for h in HORIZONS_MIN},
        person=np.repeat(np.arange(len(people)), [slots.size for slots in at]),
        slot=np.concatenate([p.first_slot + slots for p, slots in zip(people, at, strict=True)]),
    )


def questions(person: Person, event: Event = HYPOGLYCEMIA) -> NDArray[np.int64]:
    """Slots at which the service would answer, on the quarter hours of the clock."""
    glucose, age = held(person.measured)
    first = (-person.first_slot) % QUESTION_EVERY_SLOTS
    slots = np.arange(first, glucose.size, QUESTION_EVERY_SLOTS)
    enough = Trailing.of(glucose).known(RECENT_SLOTS, slots) >= ENOUGH_READINGS
    return slots[event.outside(glucose[slots]) & (age[slots] <= HOLD_SLOTS) & enough]


def episodes_after(measured: Column, at: NDArray[np.int64], event: Event = HYPOGLYCEMIA) -> dict[int, Column]:
    """Whether an episode starts within each horizon after each slot: horizon in minutes -> float64[m]."""
    glucose, _ = held(measured)
    starts, observed = running_total(event.starts(glucose)), running_total(~np.isnan(glucose))
    answers: dict[int, Column] = {}
    for horizon in HORIZONS_MIN:
        slots = horizon // 5
        end = np.minimum(at + 1 + slots, glucose.size)
        known = observed[end] - observed[at + 1] >= KNOWN_SHARE * slots
        answers[horizon] = np.where(known, (starts[end] > starts[at + 1]).astype(np.float64), np.nan)
    return answers


def task_of(windows: Windows, horizon: int, event: Event = HYPOGLYCEMIA) -> Task:
    """The answered questions of one horizon."""
    known = ~np.isnan(windows.episode[horizon])
    questions = Questions(windows.person[known], windows.slot[known], windows.episode[horizon][known])
    return Task(f"{event.name}_{horizon}", windows.at(known), questions, event.directions)
