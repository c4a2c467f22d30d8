"""Fits how low or high glucose is expected to go: for everybody, and as people left out must be seen.

Sits between the windows and `models.risk.glucose_outlook`. The tables of risk read the outlook, so they must
learn from one as good as they will be given: that of trees which never saw the person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import combinations_with_replacement
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray

from models.risk.additive_model import logistic
from models.risk.glucose_outlook import as_written
from models.training.artefact import EXAMPLE_ROWS, Report
from models.training.code_hash import sha256_of_code
from models.training.fit_pairwise import MISSING, stretch
from models.training.forecast_fit import LEAF_DIGITS, tree_table
from models.training.patient_folds import FOLDS, check_split, fold_of_people
from models.training.short_term_events import Event
from models.training.short_term_windows import Windows
from models.training.task import Array

SHARE_OF_GLUCOSE: Final = 0.5
"""Of how far glucose goes, so much is the present glucose; nothing was lost by it on people left out."""

FURTHEST_MIN: Final = (30, 60)
NEARNESS_MIN: Final = (60,)
"""Horizons of what is expected; further ones brought nothing on people left out."""

BEFORE_LIMIT: Final = 0.6


@dataclass(frozen=True, slots=True)
class Settings:
    """How the trees are grown; written into the artefact."""

    trees: int = 150
    learning_rate: float = 0.1
    leaves: int = 31
    depth: int = 8
    smallest_leaf: int = 200
    l2: float = 20.0
    rows_a_tree: float = 0.7
    features_a_tree: float = 0.5
    bins: int = 127
    seed: int = 2026
    jobs: int = 1


@dataclass(frozen=True, slots=True)
class Target:
    """One number to be expected: its name, what it is made of, and which way more glucose leads it."""

    name: str
    value: Array
    share_of_glucose: float
    with_glucose: int


def with_outlook(
    windows: Windows, event: Event, settings: Settings, report: Report
) -> tuple[Windows, dict[str, Any]]:
    """The windows with the outlook among their features, and the content of the file that serves it.

    Each question sees the trees that never saw its person; `by_fold` holds what they say where the people of
    one more fold are left out of them.
    """
    learning = _Learning.of(windows, event, settings)
    left_out: list[dict[str, Array]] = [{} for _ in range(FOLDS + 1)]
    exported = []
    targets = targets_of(windows, event)
    for target in targets:
        stated = learning.left_out(target)
        for columns, column in zip(left_out, stated, strict=True):
            columns[target.name] = column
        exported.append(learning.table(target, stated[FOLDS]))
        report(f"{event.name}: {target.name}")
    *by_fold, own_left_out = left_out
    towards = {target.name: event.towards * target.with_glucose for target in targets}
    seen = replace(
        windows,
        features=windows.features | own_left_out,
        directions=dict(windows.directions) | towards,
        by_fold=tuple(by_fold),
    )
    return seen, _document(windows, event, settings, exported)


def _document(
    windows: Windows, event: Event, settings: Settings, exported: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    model = f"{event.name}_outlook"
    return {
        "model": model,
        "made_with": {name: version(name) for name in ("lightgbm", "numpy")},
        "settings": {name: value for name, value in asdict(settings).items() if name != "jobs"},
        "code_sha256": sha256_of_code(model),
        "features": list(windows.features),
        "terms": exported,
    }


def targets_of(windows: Windows, event: Event) -> list[Target]:
    """What is learned of each question, NaN where what followed was not observed."""
    extreme = "highest" if event.towards > 0 else "lowest"
    furthest = [
        Target(f"expected_{extreme}_{horizon}_min_mgdl", windows.furthest[horizon], SHARE_OF_GLUCOSE, 1)
        for horizon in FURTHEST_MIN
    ]
    near = [
        Target(
            f"expected_nearness_{horizon}_min_percent",
            nearness(windows.furthest[horizon], event),
            0.0,
            event.towards,
        )
        for horizon in NEARNESS_MIN
    ]
    return furthest + near


def nearness(furthest: Array, event: Event) -> Array:
    """How near to an episode glucose came, percent: 50 a little before its limit, more beyond it."""
    middle = event.limit_mgdl - event.towards * BEFORE_LIMIT * event.spread_mgdl
    return 100 * logistic(event.towards * (furthest - middle) / event.spread_mgdl)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A booster whose questions ask the second half of `rows_of` where a missing value goes right."""

    booster: lightgbm.Booster

    def num_feature(self) -> int:
        """Columns of `rows_of`."""
        return 2 * int(self.booster.num_feature())

    def dump_model(self) -> dict[str, Any]:
        """As the library tells its trees."""
        document: dict[str, Any] = self.booster.dump_model()
        for tree in document["tree_info"]:
            self._send(tree["tree_structure"])
        return document

    def _send(self, node: dict[str, Any]) -> None:
        if "left_child" not in node:
            return
        if not _missing_goes_left(node):
            node["split_feature"] += self.booster.num_feature()
        self._send(node["left_child"])
        self._send(node["right_child"])


def _missing_goes_left(node: Mapping[str, Any]) -> bool:
    """Where the library saw none missing, it takes a missing value for a zero."""
    goes_left: bool = node["default_left"] if node["missing_type"] == MISSING else node["threshold"] >= 0
    return goes_left


@dataclass(frozen=True, slots=True)
class _Learning:
    """Rows as the library takes them, the fold of each, its glucose, and which way each feature leads."""

    rows: Array
    fold: NDArray[np.int64]
    person: NDArray[np.int64]
    glucose: Array
    ways: Array
    settings: Settings

    @classmethod
    def of(cls, windows: Windows, event: Event, settings: Settings) -> "_Learning":
        ways = event.towards * np.array([event.directions.get(name, 0) for name in windows.features])
        fold = fold_of_people(len(windows.names), settings.seed)[windows.person]
        rows = as_written(list(windows.features.values()))
        return cls(rows, fold, windows.person, windows.features["glucose_mgdl"], ways, settings)

    def left_out(self, target: Target) -> Array:
        """float64[FOLDS + 1, m]: what is expected by trees that saw neither the question's fold nor this
        one; in the last row, that saw all but the question's.
        """
        stated = np.full((FOLDS + 1, self.fold.size), np.nan)
        for one, other in combinations_with_replacement(range(FOLDS), 2):
            asked = np.isin(self.fold, (one, other))
            check_split(self.person, ~asked, asked)
            expected = np.full(self.fold.size, np.nan)
            expected[asked] = self.stated(target, self.grown(target, ~asked), asked)
            for without, of in ((one, other), (other, one)):
                stated[without, self.fold == of] = expected[self.fold == of]
            if one == other:
                stated[FOLDS, asked] = expected[asked]
        return stated

    def grown(self, target: Target, among: NDArray[np.bool_]) -> lightgbm.Booster:
        """Trees of what the share of glucose leaves, learned from the answered questions among these."""
        known = among & ~np.isnan(target.value)
        rest = target.value[known] - target.share_of_glucose * self.glucose[known]
        table = lightgbm.Dataset(self.rows[known], rest)
        booster = lightgbm.train(self._params(target.with_glucose), table, self.settings.trees)
        stretch(booster, 0.0, 1.0, LEAF_DIGITS)
        return booster

    def stated(self, target: Target, booster: lightgbm.Booster, asked: NDArray[Any]) -> Array:
        """What is expected of the questions asked."""
        rest = np.asarray(booster.predict(self.rows[asked]), np.float64)
        expected: Array = target.share_of_glucose * self.glucose[asked] + rest
        return expected

    def table(self, target: Target, left_out: Array) -> dict[str, Any]:
        """The trees of everybody in the file's form, with some rows and the library's own answer."""
        booster = self.grown(target, np.ones(self.fold.size, bool))
        trees, depth = tree_table(_Sent(booster))
        shown = np.arange(0, self.fold.size, self.fold.size // EXAMPLE_ROWS)
        error = (left_out - target.value)[~np.isnan(target.value)]
        return {
            "name": target.name,
            "share_of_glucose": target.share_of_glucose,
            "rmse_on_people_left_out": round(float(np.sqrt(np.mean(error**2))), 3),
            "examples": [
                {"features": [None if np.isnan(v) else v for v in row], "expected": float(expected)}
                for row, expected in zip(
                    self.rows[shown].tolist(), self.stated(target, booster, shown), strict=True
                )
            ],
            "depth": depth,
            "trees": trees,
        }

    def _params(self, with_glucose: int) -> dict[str, Any]:
        named = self.settings
        return {
            "objective": "l2", "learning_rate": named.learning_rate, "num_leaves": named.leaves,
            "max_depth": named.depth, "min_data_in_leaf": named.smallest_leaf, "lambda_l2": named.l2,
            "bagging_fraction": named.rows_a_tree, "bagging_freq": 1,
            "feature_fraction": named.features_a_tree, "max_bin": named.bins, "seed": named.seed,
            "monotone_constraints": (with_glucose * self.ways).tolist(), "num_threads": named.jobs,
            "deterministic": True, "force_col_wise": True, "verbose": -1,
        }  # fmt: skip
