"""Log loss of the boosted challengers as trees are added, on people learned from and on people left out.

Beside `challengers`, asked by `challenge`. The other challengers are fitted in one step and have no rounds.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.training.challengers import Fitted
from models.training.metrics import log_loss
from models.training.task import Task

Array = NDArray[np.float64]
Losses = dict[str, list[float]]

ROUNDS_SHOWN: Final = 20
ROWS_SHOWN: Final = 5_000
"""How many points a curve has, and how many questions at most each rests on."""

DIGITS: Final = 5


def _lightgbm(model: Any, rows: Array) -> list[Array]:
    return [model.predict_proba(rows, num_iteration=trees)[:, 1] for trees in _shown(model.n_estimators)]


def _histogram(model: Any, rows: Array) -> list[Array]:
    stages = [stated[:, 1] for stated in model.staged_predict_proba(rows)]
    return [stages[trees - 1] for trees in _shown(len(stages))]


def _shown(trees: int) -> list[int]:
    return [round(number) for number in np.linspace(1, trees, ROUNDS_SHOWN)]


STAGES: Final[Mapping[str, Callable[[Any, Array], list[Array]]]] = {
    "boosting": _lightgbm,
    "histogram_boosting": _histogram,
    "reference_boosting": _histogram,
}
"""The probabilities after so many trees, evenly from the first to the last."""


def loss_by_round(fitted: Fitted, task: Task, asked: NDArray[np.int64]) -> Losses:
    """`learned_from` and `left_out`; `asked` int64[m] are the questions of people left out."""
    return {
        "learned_from": _losses(fitted, task, fitted.rows),
        "left_out": _losses(fitted, task, asked),
    }


def _losses(fitted: Fitted, task: Task, rows: NDArray[np.int64]) -> list[float]:
    shown = rows[:: -(-rows.size // ROWS_SHOWN)]
    stages = STAGES[fitted.name](fitted.model, fitted.matrix(task, shown))
    return [log_loss(task.questions.episode[shown], stated) for stated in stages]


def mean_over_folds(folds: Sequence[Losses]) -> Losses:
    """The mean curve, rounded."""
    return {
        people: np.mean([fold[people] for fold in folds], axis=0).round(DIGITS).tolist()
        for people in folds[0]
    }
