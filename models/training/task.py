"""The answered questions of one learned model: what it sees, what followed, and what must be monotone.

Sits between the windows of a task and its training and evaluation; needs numpy alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.training.questions import Questions

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Task:
    """Features and answers of m questions; `directions` as in `glucose_risk_features.DIRECTIONS`.

    `people` is how many the questions were drawn from. Features that are themselves learned stand in
    `features` as trees say that never saw the question's person, and in `by_fold` as they say where the
    people of one fold more are left out of them. `sooner_counts_more` is what a table learns where that is
    not the episode itself.
    """

    model: str
    features: Mapping[str, Array]
    questions: Questions
    directions: Mapping[str, int]
    people: int
    by_fold: tuple[Mapping[str, Array], ...] = ()
    sooner_counts_more: Array | None = None

    @property
    def learned(self) -> Array:
        """What a table learns of each question, 0 to 1: float64[m], above 0 where an episode followed."""
        return self.questions.episode if self.sooner_counts_more is None else self.sooner_counts_more

    def without(self, fold: int) -> Self:
        """The same questions, none of whose features was learned from the people of this fold."""
        learned = self.by_fold[fold] if self.by_fold else {}
        return replace(self, features={**self.features, **learned})

    def at(self, rows: NDArray[np.bool_]) -> dict[str, Array]:
        """Features of the questions selected by a mask."""
        return {name: column[rows] for name, column in self.features.items()}

    def matrix(self) -> Array:
        """Features as learning libraries take them: float64[m, features]."""
        return np.stack(list(self.features.values()), axis=1)
