"""Questions and answers of the next two hours: when a low or high is asked about, and what followed.

Sits between `cgm_people` and the fits; the one place that looks ahead, and only for the answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import HOLD_SLOTS, MINUTES_PER_SLOT, Column, Trailing, held, running_total
from models.risk.glucose_risk_features import SENSOR_RANGE_MGDL
from models.risk.hypoglycemia_limits import ENOUGH_READINGS, RECENT_SLOTS
from models.training.cgm_people import Person
from models.training.questions import QUESTION_EVERY_SLOTS, Questions
from models.training.short_term_events import HYPOGLYCEMIA, Event
from models.training.task import Task

HORIZONS_MIN: Final = (30, 60, 120)

SOONER: Final[Mapping[int, Mapping[int, float]]] = {60: {30: 2.0, 60: 1.0}, 120: {60: 2.0, 120: 1.0}}
"""What a table learns: the weighted mean of the answers of these horizons, its own where none are named.

An episode that comes sooner counts more, since an alarm is judged by its best moment. In people left out it
spares a tenth of the false alarms for .001 of the AUROC. What is stated is calibrated to its own horizon.
"""

KNOWN_SHARE: Final = 0.8
"""An answer is known where at least this share of the horizon was observed, lows or not (our judgement)."""


@dataclass(frozen=True, slots=True)
class Windows:
    """m questions. `episode[horizon]` float64[m]: 1, 0, or NaN where unknown; `person` int64[m] index.

    `furthest[horizon]` float64[m]: the lowest, of highs the highest, glucose that followed, mg/dL, or NaN;
    `directions` as in the event. Some features may themselves be learned: `by_fold` holds them as they are
    seen without the people of one fold.
    """

    names: tuple[str, ...]
    features: dict[str, Column]
    episode: dict[int, Column]
    furthest: dict[int, Column]
    person: NDArray[np.int64]
    slot: NDArray[np.int64]
    directions: Mapping[str, int]
    by_fold: tuple[dict[str, Column], ...] = ()

    def at(self, rows: NDArray[np.bool_]) -> dict[str, Column]:
        """The features of the questions selected by a mask."""
        return {name: column[rows] for name, column in self.features.items()}


def windows_of(people: Sequence[Person], event: Event = HYPOGLYCEMIA) -> Windows:
    """All questions of all people: every 15 minutes of the clock outside an episode, with a fresh reading."""
    at = [questions(person, event) for person in people]
    asked = list(zip(people, at, strict=True))
    features = [event.features(person.measured, slots, person.first_slot) for person, slots in asked]
    answers = [episodes_after(person.measured, slots, event) for person, slots in asked]
    furthest = [furthest_after(person.measured, slots, event) for person, slots in asked]
    return Windows(
        names=tuple(person.name for person in people),
        features={name: np.concatenate([f[name] for f in features]) for name in features[0]},
        episode={h: np.concatenate([a[h] for a in answers]) for h in HORIZONS_MIN},
        furthest={h: np.concatenate([f[h] for f in furthest]) for h in HORIZONS_MIN},
        person=np.repeat(np.arange(len(people)), [slots.size for slots in at]),
        slot=np.concatenate([p.first_slot + slots for p, slots in zip(people, at, strict=True)]),
        directions=event.directions,
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
    starts = running_total(event.starts(glucose))
    answers: dict[int, Column] = {}
    for horizon, known in _known_after(glucose, at).items():
        end = np.minimum(at + 1 + horizon // MINUTES_PER_SLOT, glucose.size)
        answers[horizon] = np.where(known, (starts[end] > starts[at + 1]).astype(np.float64), np.nan)
    return answers


def furthest_after(measured: Column, at: NDArray[np.int64], event: Event = HYPOGLYCEMIA) -> dict[int, Column]:
    """The lowest, of highs the highest, glucose within each horizon after each slot, mg/dL float64[m]."""
    glucose, _ = held(np.clip(measured, *SENSOR_RANGE_MGDL))
    longest = HORIZONS_MIN[-1] // MINUTES_PER_SLOT
    padded = np.concatenate([event.towards * glucose, np.full(longest, np.nan)])
    reached = np.fmax.accumulate(padded[at[:, None] + 1 + np.arange(longest)], axis=1)
    return {
        horizon: np.where(known, event.towards * reached[:, horizon // MINUTES_PER_SLOT - 1], np.nan)
        for horizon, known in _known_after(glucose, at).items()
    }


def _known_after(glucose: Column, at: NDArray[np.int64]) -> dict[int, NDArray[np.bool_]]:
    """Whether enough of each horizon after each slot was observed."""
    observed = running_total(~np.isnan(glucose))
    slots = {horizon: horizon // MINUTES_PER_SLOT for horizon in HORIZONS_MIN}
    return {
        horizon: observed[np.minimum(at + 1 + count, glucose.size)] - observed[at + 1] >= KNOWN_SHARE * count
        for horizon, count in slots.items()
    }


def task_of(windows: Windows, horizon: int, event: Event = HYPOGLYCEMIA) -> Task:
    """The answered questions of one horizon."""
    known = ~np.isnan(windows.episode[horizon])
    questions = Questions(windows.person[known], windows.slot[known], windows.episode[horizon][known])
    by_fold = tuple({n: column[known] for n, column in learned.items()} for learned in windows.by_fold)
    name = f"{event.name}_{horizon}"
    learned = _learned(windows.episode, horizon)[known]
    return Task(name, windows.at(known), questions, windows.directions, len(windows.names), by_fold, learned)


def _learned(episode: Mapping[int, Column], horizon: int) -> Column:
    """The weighted mean of the answers of `SOONER`; the horizon's own stands in for an unknown one."""
    own, weights = episode[horizon], SOONER.get(horizon, {horizon: 1.0})
    answers = [np.where(np.isnan(episode[sooner]), own, episode[sooner]) for sooner in weights]
    return np.average(answers, axis=0, weights=list(weights.values()))
