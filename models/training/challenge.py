"""Rivals that learn, each fitted on four fifths of the people of a file and asked about the rest.

Sits under `evaluate`; needs the libraries of the extra `train`. The served kind of model is fitted in the
same folds, so that the comparison is one of algorithms and not of who saw whom.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.training.artefact import out_of_fold
from models.training.boosting_loss import STAGES, Losses, loss_by_round, mean_over_folds
from models.training.challengers import CHALLENGERS, learn
from models.training.fit_pairwise import Settings
from models.training.nocturnal_windows import MODEL
from models.training.patient_folds import FOLDS, check_split, fold_of_people
from models.training.task import Array, Task
from models.training.train_nocturnal import SETTINGS as NOCTURNAL

Report = Callable[[str], None]

REFITTED: Final = "additive_refitted"
SEED: Final = 2026

QUICK: Final = Settings(validation_refits=2)
"""Fewer refits than what is served: the comparison wants a ranking, not an interval."""


def challenge(task: Task, report: Report) -> dict[str, Array]:
    """Out-of-fold probability float64[m] of each algorithm, the served kind of model too."""
    settings = NOCTURNAL if task.model == MODEL else QUICK
    refitted = out_of_fold(task, settings, report)
    found = {rival.name: rival.score for rival in rivals(task, tuple(CHALLENGERS), report)}
    return {REFITTED: refitted, **found}


@dataclass(frozen=True, slots=True)
class Rival:
    """Out-of-fold score float64[m] of one algorithm, log loss by round where it has rounds.

    `learned_from` is the largest number of questions that it learned from in a fold; 0 where it needs none.
    """

    name: str
    score: Array
    loss: Losses | None = None
    learned_from: int = 0


def rivals(task: Task, names: Sequence[str], report: Report) -> list[Rival]:
    """Those of the named challengers whose features the task has, every fold split by person."""
    able = [name for name in names if CHALLENGERS[name].sees(task)]
    found = []
    for count, name in enumerate(able, 1):
        found.append(_rival(task, name))
        report(f"{task.model}: {name}, rival {count} of {len(able)}")
    return found


def _rival(task: Task, name: str) -> Rival:
    person = task.questions.person
    fold = fold_of_people(int(person.max()) + 1, SEED)[person]
    score = np.full(person.size, np.nan)
    losses: list[Losses] = []
    learned_from = 0
    for left_out in range(FOLDS):
        known, asked = fold != left_out, np.flatnonzero(fold == left_out)
        check_split(person, known, ~known)
        fitted = learn(name, task, known, SEED)
        learned_from = max(learned_from, fitted.rows.size)
        score[asked] = fitted.probability(task, asked)
        if name in STAGES:
            losses.append(loss_by_round(fitted, task, asked))
    return Rival(name, score, mean_over_folds(losses) if losses else None, learned_from)
