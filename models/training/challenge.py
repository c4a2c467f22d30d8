"""Rivals that learn, each fitted on four fifths of the people of a file and asked about the rest.

Sits under `evaluate`; needs the libraries of the extra `train`. The served kind of model is fitted in the
same folds, so that the comparison is one of algorithms and not of who saw whom.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
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
    return {REFITTED: out_of_fold(task, settings, report), **rivals(task, report).score}


@dataclass(frozen=True, slots=True)
class Rivals:
    """Out-of-fold probability float64[m] of each challenger; log loss by round of those that have rounds."""

    score: Mapping[str, Array]
    loss: Mapping[str, Losses]


def rivals(task: Task, report: Report) -> Rivals:
    """Each challenger, every fold split by person."""
    scores: dict[str, Array] = {}
    losses: dict[str, list[Losses]] = defaultdict(list)
    person, label, features = task.questions.person, task.questions.episode, task.matrix()
    fold = fold_of_people(int(person.max()) + 1, SEED)[person]
    for name in CHALLENGERS:
        score = np.full(label.size, np.nan)
        for left_out in range(FOLDS):
            known, asked = fold != left_out, fold == left_out
            check_split(person, known, asked)
            fitted = learn(name, features[known], label[known], SEED)
            score[asked] = fitted(features[asked])
            if name in STAGES:
                losses[name].append(loss_by_round(fitted, features, label, known))
        scores[name] = score
        report(f"{task.model}: {name}")
    return Rivals(scores, {name: mean_over_folds(of) for name, of in losses.items()})
