"""Boosted trees against the value of action, on the same cases and folds: what being readable costs.

Sits beside the fit; needs the libraries of the extra `train`. The trees are asked the same question, with the
features and the change of insulin of each part as their columns.
"""

from typing import Any, Final

import numpy as np
from lightgbm import LGBMRegressor

from models.dosing.therapy import Array
from models.dosing.value_of_action import OUTCOMES
from models.training.fit_value_of_action import FOLDS, differences, fit, fold_of, on_left_out
from models.training.therapy_experience import Experience

SEED: Final = 7


def compare(experience: Experience) -> dict[str, dict[str, Any]]:
    """How each algorithm did on patients left out of it: differences explained, and GRI after its choices."""
    wanted, columns = differences(experience), _columns(experience)
    predicted = np.zeros_like(wanted)
    fold = fold_of(experience.patient)
    for left_out in range(FOLDS):
        learn = fold != left_out
        for outcome in range(len(OUTCOMES)):
            trees = _trees().fit(_rows(columns[learn]), wanted[learn][:, 1:, outcome].ravel())
            found = np.asarray(trees.predict(_rows(columns[~learn])))
            predicted[~learn, 1:, outcome] = found.reshape(-1, wanted.shape[1] - 1)
    return {
        "additive": fit(experience, "challenge").on_people_left_out,
        "boosted_trees": on_left_out(experience, wanted, wanted - predicted),
    }


def _columns(experience: Experience) -> Array:
    """Features beside the change, (n, m, k + 6)."""
    features = np.repeat(experience.features[:, None, :], experience.log_factors.shape[1], axis=1)
    return np.concatenate([features, experience.log_factors], axis=-1)


def _rows(columns: Array) -> Array:
    """The therapies tried beside the unchanged one, as rows."""
    return columns[:, 1:].reshape(-1, columns.shape[-1])


def _trees() -> Any:
    return LGBMRegressor(
        n_estimators=500, learning_rate=0.05, num_leaves=31, min_child_samples=40, subsample=0.7,
        subsample_freq=1, colsample_bytree=0.5, reg_lambda=10.0, n_jobs=1, verbose=-1, random_state=SEED,
    )  # fmt: skip
