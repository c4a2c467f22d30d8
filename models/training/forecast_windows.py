"""Questions of the glucose forecast: every 15 minutes where it would be answered, and what was read later.

Sits between `cgm_people` and the fit; the one place that looks ahead, and only for the answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import MINUTES_PER_SLOT, Column, Slots
from models.risk.glucose_forecast_features import answerable, forecast_features
from models.risk.glucose_forecast_interval import ASKED_EVERY_SLOTS
from models.risk.glucose_forecast_model import change_after
from models.training.cgm_people import Person

HORIZONS_MIN: Final = (5, 15, 30, 45, 60, 90, 120)
"""The horizons that are learned; those between are read off the line between two of them."""


@dataclass(frozen=True, slots=True)
class ForecastWindows:
    """m questions of all people. `change[horizon]` float64[m] mg/dL, NaN where nothing was read then;
    `asked` indexes the person's own `question_slots`."""

    features: dict[str, Column]
    change: dict[int, Column]
    person: NDArray[np.int64]
    asked: Slots

    def at(self, rows: NDArray[np.bool_]) -> dict[str, Column]:
        """The features of the questions selected by a mask."""
        return {name: column[rows] for name, column in self.features.items()}


def question_slots(person: Person) -> Slots:
    """The quarter hours of the clock, from the first that a person has."""
    return np.arange((-person.first_slot) % ASKED_EVERY_SLOTS, person.measured.size, ASKED_EVERY_SLOTS)


def asked_of(person: Person) -> Slots:
    """Which of the question slots would be answered."""
    return np.flatnonzero(answerable(person.measured, question_slots(person)))


def forecast_windows(people: Sequence[Person]) -> ForecastWindows:
    """All questions of all people, in order."""
    asked = [asked_of(person) for person in people]
    slots = [question_slots(person)[which] for person, which in zip(people, asked, strict=True)]
    features = [forecast_features(person.measured, at) for person, at in zip(people, slots, strict=True)]
    return ForecastWindows(
        features={name: np.concatenate([found[name] for found in features]) for name in features[0]},
        change={horizon: _changes(people, slots, features, horizon) for horizon in HORIZONS_MIN},
        person=np.repeat(np.arange(len(people)), [which.size for which in asked]),
        asked=np.concatenate(asked),
    )


def _changes(
    people: Sequence[Person],
    slots: Sequence[Slots],
    features: Sequence[Mapping[str, Column]],
    horizon: int,
) -> Column:
    rows = zip(people, slots, features, strict=True)
    ahead = horizon // MINUTES_PER_SLOT
    return np.concatenate([change_after(p.measured, at, f["glucose_mgdl"], ahead) for p, at, f in rows])
