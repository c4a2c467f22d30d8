"""Questions and answers of nocturnal hypoglycaemia: asked at 23:00, episode between midnight and 06:00.

Sits between `cgm_people` and the fit; looks ahead for the answer only.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import HOLD_SLOTS, SLOTS_PER_DAY, SLOTS_PER_HOUR, held
from models.risk.glucose_episodes import episode_starts, running_total
from models.risk.nocturnal_features import DIRECTIONS, NIGHT_SLOTS, nocturnal_features
from models.training.cgm_people import Person
from models.training.questions import Questions
from models.training.short_term_windows import KNOWN_SHARE
from models.training.task import Task

ASKED_HOUR: Final = 23
MODEL: Final = "nocturnal_hypoglycemia"


def task_of(people: Sequence[Person]) -> Task:
    """All answered nights of all people."""
    asked = [nights_of(person) for person in people]
    features = [
        nocturnal_features(person.measured, slots, slots + TO_MIDNIGHT)
        for person, slots in zip(people, asked, strict=True)
    ]
    episode = [_episode(person, slots) for person, slots in zip(people, asked, strict=True)]
    questions = Questions(
        np.repeat(np.arange(len(people)), [slots.size for slots in asked]),
        np.concatenate([p.first_slot + slots for p, slots in zip(people, asked, strict=True)]),
        np.concatenate(episode),
    )
    joined = {name: np.concatenate([f[name] for f in features]) for name in features[0]}
    return Task(MODEL, joined, questions, DIRECTIONS)


TO_MIDNIGHT: Final = (24 - ASKED_HOUR) * SLOTS_PER_HOUR


def nights_of(person: Person) -> NDArray[np.int64]:
    """Slots of 23:00 with a fresh reading, whose night was observed."""
    glucose, age = held(person.measured)
    asked = np.arange(
        (ASKED_HOUR * SLOTS_PER_HOUR - person.first_slot) % SLOTS_PER_DAY, glucose.size, SLOTS_PER_DAY
    )
    asked = asked[asked + TO_MIDNIGHT + NIGHT_SLOTS <= glucose.size]
    observed = running_total(~np.isnan(glucose))
    seen = observed[asked + TO_MIDNIGHT + NIGHT_SLOTS] - observed[asked + TO_MIDNIGHT]
    answered: NDArray[np.int64] = asked[(age[asked] <= HOLD_SLOTS) & (seen >= KNOWN_SHARE * NIGHT_SLOTS)]
    return answered


def _episode(person: Person, asked: NDArray[np.int64]) -> NDArray[np.float64]:
    starts = running_total(episode_starts(held(person.measured)[0]))
    midnight = asked + TO_MIDNIGHT
    answer: NDArray[np.float64] = (starts[midnight + NIGHT_SLOTS] > starts[midnight]).astype(np.float64)
    return answer
