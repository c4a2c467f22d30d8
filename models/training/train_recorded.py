"""Makes the optional terms beside the tables of the next two hours: insulin, food, steps where recorded.

`train(path, settings, report)` is pure but for reading the data; the command line writes the file. The CGM
tables that state the log-odds are fitted to the people without such records: they never saw the others. They
see the readings alone, and nothing that is itself learned.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.recorded_points import weight
from models.risk.recorded_terms import OF_NEXT_HOURS, RAISES_A_LOW
from models.training.artefact import Calibration, Report, Settings
from models.training.cgm_people import Person, read_people, sha256_of
from models.training.code_hash import sha256_of_code
from models.training.fit_pairwise import Settings as TableSettings
from models.training.fit_recorded import FEWEST_PEOPLE, Asked, facts_of
from models.training.patient_folds import check_split
from models.training.questions import NothingToAsk
from models.training.recorded_events import FILE, Events, read_events, recorded_features
from models.training.short_term_events import EVENTS, HYPOGLYCEMIA
from models.training.short_term_windows import HORIZONS_MIN, questions, task_of, windows_of
from models.training.task import Array, Task
from models.training.train_short_term import without_some_clocks

VERSION: Final = "1.1.0"
MODEL: Final = "recorded_points"
REFITS: Final = 8

SETTINGS: Final = TableSettings(validation_refits=2)
"""The log-odds need no interval, and two refits state them well enough to learn a few lines on top."""


def train(path: Path, settings: Settings, report: Report) -> dict[str, str]:
    """The artefact by file name. NothingToAsk where too few people have records beside their CGM."""
    beside = path.with_name(FILE)
    events = read_events(beside) if beside.is_file() else {}
    people = read_people(path)
    recorded = sum(person.name in events for person in people)
    if recorded < FEWEST_PEOPLE or recorded == len(people):
        with_records = f"{FEWEST_PEOPLE} people have insulin, food or steps beside their CGM"
        raise NothingToAsk(f"fewer than {with_records}, or nobody is left without to learn the tables from")
    document = {
        "model": MODEL,
        "version": VERSION,
        "data_sha256": {each.name: sha256_of(each) for each in (path, beside)},
        "code_sha256": sha256_of_code(MODEL),
        "models": {
            task.model: facts_of(asked(task, names, events, settings), REFITS, settings.seed)
            for task, names in _tasks(people, report)
        },
    }
    return {f"{MODEL}.json": json.dumps(document, indent=1) + "\n"}


def _tasks(people: Sequence[Person], report: Report) -> Iterator[tuple[Task, Sequence[str]]]:
    """Every table's questions, and the names of the people asked."""
    for event in EVENTS.values():
        known = [person for person in people if questions(person, event).size]
        windows = without_some_clocks(windows_of(known, event))
        for horizon in HORIZONS_MIN:
            yield task_of(windows, horizon, event), windows.names
            report(f"{event.name}_{horizon}: optional terms fitted")


def asked(task: Task, names: Sequence[str], events: Events, settings: Settings) -> Asked:
    """The questions of the people with records, with log-odds from CGM by a table fitted to the others."""
    person = task.questions.person
    recorded = np.array([name in events for name in names])[person]
    check_split(person, ~recorded, recorded)
    log_odds = _log_odds(task, ~recorded, settings)
    sign = 1 if task.model.startswith(HYPOGLYCEMIA.name) else -1
    return Asked(
        features=recorded_features(OF_NEXT_HOURS, names, task.questions, events),
        log_odds=log_odds,
        episode=task.questions.episode,
        person=person,
        weight=weight(log_odds),
        directions={name: sign * way for name, way in RAISES_A_LOW.items()},
    ).take(recorded)


def _log_odds(task: Task, learn: NDArray[np.bool_], settings: Settings) -> Array:
    """Log-odds by a table of some, calibrated on all."""
    model = settings.in_validation().fit(
        task.at(learn), task.learned[learn], task.questions.person[learn], task.directions
    )
    stated = model.probability(task.features)
    probability = Calibration.of(task.questions.episode[~learn], stated[~learn]).applied(stated)
    return np.log(probability / (1 - probability))
