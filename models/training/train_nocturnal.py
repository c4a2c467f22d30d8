"""Makes the nocturnal hypoglycaemia table again: cross-validated by patient, fitted, exported.

`train(path, settings, report)` is pure but for reading the data file; the command line writes the file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.risk.recorded_terms import OF_TONIGHT, RAISES_A_LOW
from models.training.artefact import Calibration, Report, artefact, out_of_fold, readable
from models.training.cgm_people import Person, fingerprint, read_people, sha256_of
from models.training.fit_additive import Settings
from models.training.fit_recorded import Asked, facts_of
from models.training.measure import ranking
from models.training.nocturnal_windows import ASKED_MIN, LEARNED_MIN, asked_at, task_of
from models.training.patient_bootstrap import bootstrap_intervals
from models.training.patient_folds import FOLDS, fold_of_people
from models.training.recorded_events import FILE, Events, read_events, recorded_features
from models.training.task import Array, Task
from models.training.tuning import tuned

VERSION: Final = "1.2.0"

SETTINGS: Final = Settings(
    refits=16, validation_refits=16, bins=16, learning_rate=0.03, smallest_leaf=100, stop_after_rounds=100
)
"""A few thousand nights bear only coarse shapes."""

TRIED_BINS: Final = (8, 16, 32)
TUNING_REFITS: Final = 4

POSITIVE_SHARE: Final = 0.1
"""A night is called at raised risk among the tenth with the highest risk, on people left out."""


def train(path: Path, settings: Settings, report: Report) -> dict[str, str]:
    """The artefact by file name, with what it was made from and how it did on people left out."""
    people = read_people(path)
    task = task_of(people, LEARNED_MIN)
    report(f"{len(people)} people, {task.questions.episode.size} evenings asked about")
    settings, tuning = tuned(task, settings, ("bins", TRIED_BINS), TUNING_REFITS, report)
    stated = out_of_fold(task, settings, report)
    calibration = Calibration.of(task.questions.episode, stated)
    facts = {
        "version": VERSION,
        "tuning": tuning,
        **_on_people_left_out(task, stated, calibration, settings.seed),
        **_of_evening(path.with_name(FILE), people, task, calibration.applied(stated), settings),
        "data_sha256": {path.name: sha256_of(path)},
        "people": {person.name: fingerprint(person) for person in people},
    }
    return {f"{task.model}.json": readable(artefact(task, calibration, settings, facts))}


def _of_evening(
    beside: Path, people: Sequence[Person], task: Task, probability: Array, settings: Settings
) -> dict[str, Any]:
    """The optional terms and how they did, where enough people have events beside their CGM."""
    events = read_events(beside) if beside.is_file() else {}
    asked = _evenings([person.name for person in people], task, probability, events)
    return {
        **facts_of(asked, settings.refits, settings.seed),
        "recorded_sha256": {beside.name: sha256_of(beside)} if events else {},
    }


def _evenings(names: Sequence[str], task: Task, probability: Array, events: Events) -> Asked:
    """The nights asked about at 23:00 of those with records beside CGM."""
    recorded = np.array([name in events for name in names])
    rows = asked_at(task.questions, ASKED_MIN) & recorded[task.questions.person]
    return Asked(
        features=recorded_features(OF_TONIGHT, names, task.questions, events),
        log_odds=np.log(probability / (1 - probability)),
        episode=task.questions.episode,
        person=task.questions.person,
        weight=np.ones(probability.size),
        directions=RAISES_A_LOW,
    ).take(rows)


def _on_people_left_out(task: Task, stated: Array, calibration: Calibration, seed: int) -> dict[str, Any]:
    """The threshold and every number, of questions at 23:00.

    The calibration error is also stated of a line fitted without the people it is applied to.
    """
    at = asked_at(task.questions, ASKED_MIN)
    person, episode = task.questions.person[at], task.questions.episode[at]
    probability = calibration.applied(stated)[at]
    by_others = _calibrated_by_others(task, stated, seed)[at]
    return {
        "alarm_threshold": round(float(np.quantile(probability, 1 - POSITIVE_SHARE)), 4),
        "on_people_left_out": ranking(episode, probability)
        | bootstrap_intervals(person, episode, probability, seed)
        | {"ece_calibrated_by_other_people": ranking(episode, by_others)["ece"]},
    }


def _calibrated_by_others(task: Task, stated: Array, seed: int) -> Array:
    """Out-of-fold probabilities, those of each fold calibrated by the line of the other folds."""
    person, episode = task.questions.person, task.questions.episode
    fold = fold_of_people(int(person.max()) + 1, seed)[person]
    probability = np.full(stated.size, np.nan)
    for left_out in range(FOLDS):
        known, asked = fold != left_out, fold == left_out
        probability[asked] = Calibration.of(episode[known], stated[known]).applied(stated[asked])
    return probability
