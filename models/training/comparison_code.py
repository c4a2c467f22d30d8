"""Hash of what makes the records of all algorithms, written into each of them: how rivals learn, from what.

Beside `compare`, as `code_hash` is beside the tables: a record older than its code can be told.
"""

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

import numpy as np

from models.risk.causal_grid import SLOTS_PER_DAY
from models.training import nocturnal_windows, short_term_windows
from models.training.cgm_people import Person
from models.training.nocturnal_windows import LEARNED_MIN
from models.training.short_term_events import EVENTS
from models.training.short_term_windows import HORIZONS_MIN
from models.training.task import Task
from models.training.train_short_term import without_some_clocks

LEARNING: Final = (
    "patient_folds.py",
    "challengers.py",
    "challenge.py",
    "boosting_loss.py",
    "recurrent.py",
)

MADE_DAYS: Final = 30


def sha256_of_comparison() -> str:
    """One hash over the sources of learning, and over all that is asked, seen and answered of a made person.

    Questions and features count as numbers, not as source: what serves the served model may be written anew
    around them, and a record grows old only where a rival would see or be asked something else.
    """
    digest = hashlib.sha256()
    for name in LEARNING:
        digest.update((files("models.training") / name).read_bytes())
    for task in _tasks((_made_person(),)):
        digest.update(_as_bytes(task))
    return digest.hexdigest()


def _tasks(people: tuple[Person, ...]) -> Iterator[Task]:
    for event in EVENTS.values():
        windows = without_some_clocks(short_term_windows.windows_of(people, event))
        yield from (short_term_windows.task_of(windows, horizon, event) for horizon in HORIZONS_MIN)
    yield nocturnal_windows.task_of(people, LEARNED_MIN)


def _as_bytes(task: Task) -> bytes:
    """Names, directions and columns; single precision, where a last digit of another machine is not seen."""
    directions = {name: task.directions.get(name, 0) for name in task.features}
    columns = np.stack([*task.features.values(), task.questions.slot, task.questions.episode])
    same_nan = np.where(np.isnan(columns), np.nan, columns + 0.0)
    return repr((task.model, directions)).encode() + same_nan.astype("<f4").tobytes()


def _made_person() -> Person:
    """Waves from below to above what a sensor can state, noise, and gaps of one reading to two hours."""
    rng = np.random.default_rng(5)
    slots = np.arange(MADE_DAYS * SLOTS_PER_DAY)
    level = 165 + 90 * np.sin(slots / 37) + 60 * np.sin(slots / 211) + rng.normal(0, 5, slots.size)
    for start in rng.integers(0, slots.size, 5 * MADE_DAYS):
        level[start : start + rng.integers(1, 25)] = np.nan
    return Person("made/1", 1_000_003, np.clip(level, 30, 450).round())
