"""The evaluation of nocturnal hypoglycaemia on people in a file: what is served, and rivals without a fit.

Sits under `evaluate`; needs numpy alone. Rivals that learn are added by `challenge`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from models.risk.nocturnal_features import nocturnal_features
from models.risk.nocturnal_hypoglycemia import TABLE
from models.training.calibration_by_chance import with_chance
from models.training.cgm_people import Person, fingerprint
from models.training.curves import curves
from models.training.leak_check import check_no_look_ahead
from models.training.measure import ranking
from models.training.nocturnal_windows import TO_MIDNIGHT, task_of
from models.training.patient_bootstrap import bootstrap_intervals
from models.training.subgroups import by_source
from models.training.task import Array, Task

SERVED: Final = "additive"
STATED: Final = ("auroc", "auprc", "ece")
NIGHT: Final = "night"

LEARNED_FROM: Final = frozenset(TABLE.facts["people"].values())
"""Fingerprints of the people behind the served table; numbers on them flatter the served model."""


def nocturnal_scores(people: Sequence[Person], seed: int) -> tuple[Task, dict[str, Array]]:
    """The answered nights and the scores of what needs no fit; LeakError where a feature knows the future."""
    check_no_look_ahead(
        lambda measured, asked: nocturnal_features(measured, asked, asked + TO_MIDNIGHT), people, seed
    )
    task = task_of(people)
    return task, {
        SERVED: TABLE.probability(task.features),
        "bedtime_glucose": -task.features["glucose_mgdl"],
    }


def report(people: Sequence[Person], task: Task, scores: Mapping[str, Array], seed: int) -> dict[str, Any]:
    """Metrics of every score, in the form that the command line prints."""
    questions = task.questions
    full = {
        name: with_chance(ranking(questions.episode, score), score, seed)
        | bootstrap_intervals(questions.person, questions.episode, score, seed)
        for name, score in scores.items()
    }
    return {
        "task": "nocturnal",
        "people": len(people),
        "windows": int(questions.episode.size),
        "served": SERVED,
        "models": {name: {key: found[key] for key in STATED} for name, found in full.items()},
        "people_learned_from": sum(fingerprint(person) in LEARNED_FROM for person in people),
        "subgroups": {NIGHT: _subgroups(people, task, scores[SERVED])},
        "details": full,
        "curves": {NIGHT: {name: curves(questions.episode, score) for name, score in scores.items()}},
    }


def _subgroups(people: Sequence[Person], task: Task, score: Array) -> dict[str, dict[str, float | None]]:
    """The served model by source of the data."""
    groups = by_source(people, task.questions.person)
    return {name: ranking(task.questions.episode[group], score[group]) for name, group in groups.items()}
