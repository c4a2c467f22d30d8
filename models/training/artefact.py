"""Makes one table: cross-validation by patient, the fit to everybody, and what must be said of both.

Sits between the questions of a task and its file; used by every `train_*`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, astuple, dataclass, replace
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from models.risk.additive_model import logistic
from models.training.code_hash import sha256_of_code
from models.training.fit_additive import Array, Settings, examples, fit, matrix, stretched, tables
from models.training.metrics import calibration_line
from models.training.patient_folds import FOLDS, check_split, fold_of_people
from models.training.task import Task

EXAMPLE_ROWS: Final = 12


@dataclass(frozen=True, slots=True)
class Calibration:
    """What people left out showed of the log-odds: right = intercept + slope x stated."""

    intercept: float
    slope: float

    @classmethod
    def of(cls, label: Array, probability: Array) -> "Calibration":
        """Fitted to out-of-fold probabilities, by logistic regression."""
        return cls(*(round(value, 4) for value in calibration_line(label, probability)))

    def applied(self, probability: Array) -> Array:
        """Calibrated probabilities."""
        clipped = np.clip(probability, 1e-9, 1 - 1e-9)
        return logistic(self.intercept + self.slope * np.log(clipped / (1 - clipped)))


Report = Callable[[str], None]


def out_of_fold(task: Task, settings: Settings, report: Report) -> Array:
    """Probability of each question by a model that never saw its person, float64[m]."""
    person, label = task.questions.person, task.questions.episode
    in_folds = replace(settings, refits=settings.validation_refits)
    fold = fold_of_people(int(person.max()) + 1, settings.seed)[person]
    probability = np.full(label.size, np.nan)
    for left_out in range(FOLDS):
        learn, test = fold != left_out, fold == left_out
        check_split(person, learn, test)
        model = fit(task.at(learn), label[learn], person[learn], task.directions, in_folds)
        probability[test] = model.predict_proba(matrix(task.at(test)))[:, 1]
        report(f"{task.model}: fold {left_out + 1} of {FOLDS}")
    return probability


def artefact(
    task: Task, calibration: Calibration, settings: Settings, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The file's content: fitted to everybody, its log-odds stretched as people left out showed."""
    label = task.questions.episode
    model = stretched(
        fit(task.features, label, task.questions.person, task.directions, settings), *astuple(calibration)
    )
    rows = range(0, label.size, label.size // EXAMPLE_ROWS)
    return {
        "model": task.model,
        **facts,
        "made_with": {name: version(name) for name in ("interpret-core", "numpy")},
        "settings": {key: value for key, value in asdict(settings).items() if key != "jobs"},
        "code_sha256": sha256_of_code(task.model),
        "calibration": asdict(calibration),
        "examples": examples(model, task.features, rows),
        **tables(model),
    }
