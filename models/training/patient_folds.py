"""Splits by patient, the only kind there is here: no person is on both sides of a split.

Sits under every fit; `leaking` is what the harness asks before it believes a number.
"""

import numpy as np
from numpy.typing import NDArray

FOLDS = 5


class LeakError(ValueError):
    """A split that puts one person on both sides, or a feature that knows the future."""


def fold_of_people(people: int, seed: int, folds: int = FOLDS) -> NDArray[np.int64]:
    """Fold of each person, int64[people], in sizes that differ by at most one."""
    fold = np.empty(people, np.int64)
    fold[np.random.default_rng(seed).permutation(people)] = np.arange(people) % folds
    return fold


def check_split(person: NDArray[np.int64], train: NDArray[np.bool_], test: NDArray[np.bool_]) -> None:
    """LeakError where a person is on both sides."""
    both = np.intersect1d(person[train], person[test])
    if both.size:
        raise LeakError(f"{both.size} people are in training and in test")


def resampled_people(person: NDArray[np.int64], refits: int, seed: int) -> NDArray[np.int8]:
    """For each refit, how often each row counts: int8[m, refits], drawn by person with replacement.

    -1 marks the rows of people not drawn, on which that refit decides when to stop.
    """
    names, row = np.unique(person, return_inverse=True)
    rng = np.random.default_rng(seed)
    columns = []
    for _ in range(refits):
        drawn = np.bincount(rng.integers(0, names.size, names.size), minlength=names.size)
        columns.append(np.where(drawn == 0, -1, drawn)[row])
    return np.stack(columns, axis=1).astype(np.int8)
