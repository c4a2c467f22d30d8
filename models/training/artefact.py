"""Makes one table: cross-validation by patient, the fit to everybody, and what must be said of both.

Sits between the questions of a task and its file; used by every `train_*`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from importlib.metadata import version
from typing import Any, ClassVar, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from models.risk.additive_model import logistic
from models.training.code_hash import sha256_of_code
from models.training.metrics import calibration_line
from models.training.patient_folds import FOLDS, check_split, fold_of_people
from models.training.questions import NothingToAsk
from models.training.task import Array, Task

EXAMPLE_ROWS: Final = 12


class Fitted(Protocol):
    """An additive model as the library that fitted it holds it."""

    def probability(self, features: Mapping[str, Array]) -> Array:
        """The library's own probability, float64[m]."""

    def stretched(self, intercept: float, slope: float) -> Self:
        """The same model with log-odds intercept + slope x log-odds, rounded as the file states it."""

    def tables(self, features: Mapping[str, Array]) -> dict[str, Any]:
        """Intercept and terms in the file's form; `features` are those learned from."""


class Settings(Protocol):
    """What was chosen by cross-validation, a dataclass; written into the artefact."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def seed(self) -> int:
        """What every draw begins with."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """The packages whose versions decide the result."""

    def in_validation(self) -> Self:
        """The settings of a fit that only states, and needs no interval."""

    def fit(
        self,
        features: Mapping[str, Array],
        label: Array,
        person: NDArray[np.int64],
        directions: Mapping[str, int],
    ) -> Fitted:
        """The fitted model."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What people left out showed of the log-odds: right = intercept + slope x stated."""

    intercept: float
    slope: float

    @classmethod
    def of(cls, label: Array, probability: Array) -> "Calibration":
        """A logistic regression on out-of-fold probabilities; NothingToAsk where they decide none."""
        line = calibration_line(label, probability)
        if not np.isfinite(line).all():
            raise NothingToAsk("too few or too plain episodes in people left out to calibrate what is stated")
        return cls(*(round(value, 4) for value in line))

    def applied(self, probability: Array) -> Array:
        """Calibrated probabilities."""
        clipped = np.clip(probability, 1e-9, 1 - 1e-9)
        return logistic(self.intercept + self.slope * np.log(clipped / (1 - clipped)))


Report = Callable[[str], None]


def out_of_fold(task: Task, settings: Settings, report: Report) -> Array:
    """Probability of each question by a model that never saw its person, float64[m]."""
    person, label = task.questions.person, task.learned
    in_folds = settings.in_validation()
    fold = fold_of_people(task.people, settings.seed)[person]
    probability = np.full(label.size, np.nan)
    for left_out in range(FOLDS):
        learn, test = fold != left_out, fold == left_out
        check_split(person, learn, test)
        if np.unique(label[learn]).size < 2:
            raise NothingToAsk("without the people of one fold every question has the same answer")
        seen = task.without(left_out)
        model = in_folds.fit(seen.at(learn), label[learn], person[learn], task.directions)
        probability[test] = model.probability(seen.at(test))
        report(f"{task.model}: fold {left_out + 1} of {FOLDS}")
    return probability


def artefact(
    task: Task, calibration: Calibration, settings: Settings, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The file's content: fitted to everybody, its log-odds stretched as people left out showed."""
    label = task.learned
    fitted = settings.fit(task.features, label, task.questions.person, task.directions)
    model = fitted.stretched(*astuple(calibration))
    rows = range(0, label.size, label.size // EXAMPLE_ROWS)
    return {
        "model": task.model,
        **facts,
        "made_with": {name: version(name) for name in settings.libraries},
        "settings": {key: value for key, value in asdict(settings).items() if key != "jobs"},
        "code_sha256": sha256_of_code(task.model),
        "calibration": asdict(calibration),
        "examples": _examples(model, task.features, rows),
        **model.tables(task.features),
    }


def _examples(model: Fitted, features: Mapping[str, Array], rows: Sequence[int]) -> list[dict[str, Any]]:
    """Rows with the library's own probability, so that a scorer without the library can be checked."""
    at = {name: column[list(rows)] for name, column in features.items()}
    stated = model.probability(at)
    return [
        {
            "features": [None if np.isnan(column[row]) else float(column[row]) for column in at.values()],
            "probability": float(probability),
        }
        for row, probability in enumerate(stated)
    ]


def readable(document: Mapping[str, Any]) -> str:
    """JSON with one key, or one table of a term, a line: short enough to read, stable enough to compare."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in document.items() if key != "terms"]
    terms = ",\n".join(_term_lines(term) for term in document["terms"])
    return "{\n" + ",\n".join(lines) + ',\n  "terms": [\n' + terms + "\n  ]\n}\n"


def _term_lines(term: Mapping[str, Any]) -> str:
    inner = ",\n".join(f"      {json.dumps(key)}: {_dense(value)}" for key, value in term.items())
    return "    {\n" + inner + "\n    }"


def _dense(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
