"""Fits an additive model with pairs of features: boosted trees of depth two, read out as tables.

Sits between the windows and `models.risk.additive_model`, which scores what is written here. A tree of
depth two asks about at most two features on the way to a leaf, so that a sum of such trees is exactly a sum
of tables of one and of two features (Lou 2013, doi 10.1145/2487575.2487579, for models of this form).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray

from models.risk.additive_model import logistic
from models.training.pair_tables import DECIMALS, Cells, Leaf, Table, tables_of
from models.training.patient_folds import resampled_people
from models.training.task import Array

MISSING: Final = "NaN"
"""How the library marks a question that says where a missing value goes."""

SIGNIFICANT: Final = 4
"""Digits of an edge: as fine as a person reads, finer than the bins are apart."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen by cross-validation; written into the artefact."""

    refits: int = 5
    validation_refits: int = 5
    bins: int = 64
    pairs: int = 64
    rounds: int = 600
    rounds_to_choose: int = 200
    learning_rate: float = 0.08
    smallest_leaf: int = 200
    l2: float = 20.0
    rows_a_round: float = 0.5
    features_a_round: float = 0.5
    seed: int = 2026
    jobs: int = 1

    @property
    def libraries(self) -> tuple[str, ...]:
        """The packages whose versions decide the result."""
        return ("lightgbm", "numpy")

    def in_validation(self) -> Self:
        """The settings of a fit that only states, and needs no interval."""
        return replace(self, refits=self.validation_refits)

    def fit(
        self,
        features: Mapping[str, Array],
        label: Array,
        person: NDArray[np.int64],
        directions: Mapping[str, int],
    ) -> "Pairwise":
        """The fitted model: each refit learns from people drawn with replacement, the model is their mean.

        `label` float64[m] 0 to 1: a question of which a part happened counts as that part of an episode.
        """
        edges = tuple(edges_of(column, label, self.bins) for column in features.values())
        rows = _binned(cells_of(features, edges), label)
        params = _params(self, [directions.get(name, 0) for name in features])
        pairs = strongest_pairs(lightgbm.train(params, rows, self.rounds_to_choose), self.pairs)
        among = params | {"interaction_constraints": _allowed(len(edges), pairs)}
        drawn = resampled_people(person, self.refits, self.seed).clip(min=0)
        refits = tuple(
            lightgbm.train(among | {"seed": self.seed + refit}, _counted(rows, counts), self.rounds)
            for refit, counts in enumerate(drawn.T)
        )
        return Pairwise(tuple(features), edges, refits)


@dataclass(frozen=True, slots=True)
class Pairwise:
    """The refits as the library holds them, and the edges that they share."""

    features: tuple[str, ...]
    edges: tuple[Array, ...]
    refits: tuple[lightgbm.Booster, ...]

    def probability(self, features: Mapping[str, Array]) -> Array:
        """The mean log-odds of the refits as a probability, float64[m]."""
        at = cells_of(features, self.edges)
        return logistic(np.mean([_log_odds(refit, at) for refit in self.refits], axis=0))

    def stretched(self, intercept: float, slope: float) -> Self:
        """The same model with log-odds intercept + slope x log-odds: still additive, still monotone."""
        for refit in self.refits:
            stretch(refit, intercept, slope)
        return self

    def tables(self, features: Mapping[str, Array]) -> dict[str, Any]:
        """Intercept and terms in the file's form; the rows learned from weigh what a pair says alone."""
        found = tables_of(
            [leaves_of(refit) for refit in self.refits], self.edges, cells_of(features, self.edges)
        )
        terms = [self._alone(table) for table in found.alone] + [
            self._together(table) for table in found.together
        ]
        return {
            "intercept": _mean(found.intercept),
            "intercept_by_refit": found.intercept.tolist(),
            "terms": terms,
        }

    def _alone(self, table: Table) -> dict[str, Any]:
        return {
            "feature": self.features[table.features[0]],
            "edges": table.edges[0].tolist(),
            "points": _mean(table.points),
            "points_by_refit": table.points.tolist(),
        }

    def _together(self, table: Table) -> dict[str, Any]:
        return {
            "features": [self.features[index] for index in table.features],
            "edges": [own.tolist() for own in table.edges],
            "points": _mean(table.points),
            "points_by_refit": table.points.tolist(),
        }


def _mean(by_refit: Array) -> Any:
    """Mean of the refits; one digit more than theirs states it exactly, for five refits."""
    return by_refit.mean(axis=0).round(DECIMALS + 1).tolist()


def _log_odds(model: lightgbm.Booster, at: Cells) -> Array:
    return np.asarray(model.predict(at, raw_score=True), np.float64)


def _binned(cells: Cells, label: Array) -> lightgbm.Dataset:
    """The rows as the library keeps them, one bin a cell.

    Each feature by itself: where the library bundles sparse ones, it corrupts some subsets of `_counted`
    (LightGBM 4.7.0: a check of its own fails, or the process ends).
    """
    params = {
        "max_bin": 255, "min_data_in_bin": 1, "bin_construct_sample_cnt": label.size, "enable_bundle": False,
        "verbose": -1,
    }  # fmt: skip
    return lightgbm.Dataset(cells, label, params=params).construct()


def _params(settings: Settings, ways: Sequence[int]) -> dict[str, Any]:
    return {
        "objective": "cross_entropy", "num_leaves": 4, "max_depth": 2,
        "learning_rate": settings.learning_rate, "min_data_in_leaf": settings.smallest_leaf,
        "lambda_l2": settings.l2,
        "bagging_fraction": settings.rows_a_round, "bagging_freq": 1,
        "feature_fraction": settings.features_a_round, "monotone_constraints": list(ways),
        "seed": settings.seed, "num_threads": settings.jobs, "deterministic": True, "force_col_wise": True,
        "verbose": -1,
    }  # fmt: skip


def _counted(rows: lightgbm.Dataset, counts: NDArray[np.int8]) -> lightgbm.Dataset:
    """The rows of the people drawn, each as often as drawn."""
    used = np.flatnonzero(counts)
    subset = rows.subset(used.tolist()).construct()
    subset.set_weight(counts[used].astype(np.float64))
    return subset


def _allowed(features: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    return [[feature] for feature in range(features)] + [list(pair) for pair in pairs]


def edges_of(column: Array, label: Array, bins: int) -> Array:
    """Edges between cells of about equally many values, half of them counted among what was followed.

    Where episodes begin the cells are fine; each edge has few digits, ascending.
    """
    known = ~np.isnan(column)
    shares = np.arange(1, bins // 2) / (bins // 2)
    among = (known, known & (label > 0))
    quantiles = [np.quantile(column[rows], shares) for rows in among if rows.any()] or [np.empty(0)]
    return np.unique([float(f"{edge:.{SIGNIFICANT}g}") for edge in np.concatenate(quantiles)])


def cells_of(features: Mapping[str, Array], edges: Sequence[Array]) -> Cells:
    """The cell of each value: i where it is at or above edge i-1 and below edge i."""
    columns = [
        np.where(np.isnan(column), np.nan, np.searchsorted(own, column, side="right")).astype(np.float32)
        for column, own in zip(features.values(), edges, strict=True)
    ]
    return np.stack(columns, axis=1)


def strongest_pairs(model: lightgbm.Booster, most: int) -> tuple[tuple[int, int], ...]:
    """The pairs whose second question lowered the loss most."""
    gain: dict[tuple[int, int], float] = {}
    for tree in model.dump_model()["tree_info"]:
        root = tree["tree_structure"]
        for child in (root.get("left_child", {}), root.get("right_child", {})):
            if "split_gain" in child and child["split_feature"] != root["split_feature"]:
                first, second = sorted((root["split_feature"], child["split_feature"]))
                gain[first, second] = gain.get((first, second), 0.0) + child["split_gain"]
    return tuple(sorted(sorted(gain, key=lambda pair: -gain[pair])[:most]))


def stretch(model: lightgbm.Booster, intercept: float, slope: float, decimals: int = DECIMALS) -> None:
    """Leaves are rounded in the library's own trees, so that they and what is exported add up to the same."""
    for index, tree in enumerate(model.dump_model()["tree_info"]):
        for leaf, value in _leaf_values(tree["tree_structure"]):
            moved = slope * value + (intercept if index == 0 else 0.0)
            model.set_leaf_output(index, leaf, round(moved, decimals))


def _leaf_values(node: Mapping[str, Any]) -> Iterator[tuple[int, float]]:
    if "leaf_value" in node:
        yield node.get("leaf_index", 0), node["leaf_value"]
        return
    yield from _leaf_values(node["left_child"])
    yield from _leaf_values(node["right_child"])


def leaves_of(model: lightgbm.Booster) -> Iterator[Leaf]:
    """Every leaf with the cells that lead to it."""
    for tree in model.dump_model()["tree_info"]:
        yield from _leaves(tree["tree_structure"], {})


def _leaves(node: Mapping[str, Any], led: Mapping[int, tuple[float, float, bool]]) -> Iterator[Leaf]:
    if "leaf_value" in node:
        yield Leaf(dict(led), node["leaf_value"])
        return
    feature, cut = node["split_feature"], node["threshold"]
    above, below, missing = led.get(feature, (-np.inf, np.inf, True))
    missing = missing and node["missing_type"] == MISSING
    left = (above, min(below, cut), missing and node["default_left"])
    right = (max(above, cut), below, missing and not node["default_left"])
    yield from _leaves(node["left_child"], {**led, feature: left})
    yield from _leaves(node["right_child"], {**led, feature: right})
