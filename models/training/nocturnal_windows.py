"""Questions and answers of nocturnal hypoglycaemia: asked at bedtime, episode between midnight and 06:00.

Sits between `cgm_people` and the fit; looks ahead for the answer only.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import (
    HOLD_SLOTS,
    MINUTES_PER_SLOT,
    SLOTS_PER_DAY,
    SLOTS_PER_HOUR,
    held,
    running_total,
)
from models.risk.glucose_episodes import episode_starts
from models.risk.nocturnal_features import DIRECTIONS, NIGHT_SLOTS, nocturnal_features
from models.training.cgm_people import Person
from models.training.questions import Questions
from models.training.short_term_windows import KNOWN_SHARE
from models.training.task import Task

Slots = NDArray[np.int64]

MODEL: Final = "nocturnal_hypoglycemia"

ASKED_MIN: Final = 23 * 60
"""Every number is stated of questions asked at 23:00."""

LEARNED_MIN: Final = (ASKED_MIN - 30, ASKED_MIN, ASKED_MIN + 30)
"""The same nights asked about half an hour earlier and later too: less hangs on one reading. Wider hours
ranked people left out worse."""

TO_MIDNIGHT: Final = 24 * SLOTS_PER_HOUR - ASKED_MIN // MINUTES_PER_SLOT


def task_of(people: Sequence[Person], asked_min: Sequence[int] = (ASKED_MIN,)) -> Task:
    """All answered nights of all people, asked about at each of these minutes of the day."""
    asked = [np.sort(np.concatenate([nights_of(person, at) for at in asked_min])) for person in people]
    midnight = [
        slots + -(p.first_slot + slots) % SLOTS_PER_DAY for p, slots in zip(people, asked, strict=True)
    ]
    features = [
        nocturnal_features(person.measured, slots, ends)
        for person, slots, ends in zip(people, asked, midnight, strict=True)
    ]
    episode = [_episode(person, ends) for person, ends in zip(people, midnight, strict=True)]
    questions = Questions(
        np.repeat(np.arange(len(people)), [slots.size for slots in asked]),
        np.concatenate([p.first_slot + slots for p, slots in zip(people, asked, strict=True)]),
        np.concatenate(episode),
    )
    joined = {name: np.concatenate([f[name] for f in features]) for name in features[0]}
    return Task(MODEL, joined, questions, DIRECTIONS, len(people))


def asked_at(questions: Questions, minute: int) -> NDArray[np.bool_]:
    """The questions asked at this minute of the day."""
    at: NDArray[np.bool_] = questions.slot % SLOTS_PER_DAY == minute // MINUTES_PER_SLOT
    return at


def nights_of(person: Person, asked_min: int) -> Slots:
    """Slots at this minute of the day with a fresh reading, whose night was observed."""
    glucose, age = held(person.measured)
    at = asked_min // MINUTES_PER_SLOT
    asked = np.arange((at - person.first_slot) % SLOTS_PER_DAY, glucose.size, SLOTS_PER_DAY)
    midnight = asked + SLOTS_PER_DAY - at
    inside = midnight + NIGHT_SLOTS <= glucose.size
    asked, midnight = asked[inside], midnight[inside]
    observed = running_total(~np.isnan(glucose))
    seen = observed[midnight + NIGHT_SLOTS] - observed[midnight]
    answered: Slots = asked[(age[asked] <= HOLD_SLOTS) & (seen >= KNOWN_SHARE * NIGHT_SLOTS)]
    return answered


def _episode(person: Person, midnight: Slots) -> NDArray[np.float64]:
    starts = running_total(episode_starts(held(person.measured)[0]))
    answer: NDArray[np.float64] = (starts[midnight + NIGHT_SLOTS] > starts[midnight]).astype(np.float64)
    return answer
