"""Fits the parts of the glucose forecast: the linear reference, the trees, the ruler, the shares of errors.

Called by `train_forecast`; the trees need LightGBM (extra `train`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import Column
from models.risk.glucose_forecast_features import DIGITS, matrix
from models.risk.glucose_forecast_interval import (
    CELL_ENDS,
    reference_inputs,
    ruler_inputs,
)
from models.risk.glucose_forecast_trees import Trees

Array = NDArray[np.float64]

RIDGE: Final = 10.0
LEAF_DIGITS: Final = 4
BETWEEN_FEATURES: Final = 0.5 * 10.0**-DIGITS


@dataclass(frozen=True, slots=True)
class Settings:
    """How trees are grown; `every` is the share of questions learned from (one in so many)."""

    trees: int = 120
    learning_rate: float = 0.1
    num_leaves: int = 31
    max_depth: int = 8
    every: int = 4
    seed: int = 2026

    def of_library(self) -> dict[str, Any]:
        """The library's own names, with what is not varied."""
        named = asdict(self)
        del named["trees"], named["every"]
        return named | {
            "objective": "l2", "min_child_samples": 200, "lambda_l2": 20.0, "colsample_bytree": 0.5,
            "subsample": 0.7, "subsample_freq": 1, "max_bin": 127, "num_threads": 1, "verbose": -1,
            "deterministic": True,
        }  # fmt: skip


def fit_reference(features: Mapping[str, Column], change: Column) -> Array:
    """Ridge weights of the linear reference."""
    inputs = reference_inputs(features)
    weights = np.linalg.solve(inputs.T @ inputs + RIDGE * np.eye(inputs.shape[1]), inputs.T @ change)
    return np.asarray(np.round(weights, 6), np.float64)


def fit_trees(features: Mapping[str, Column], remaining: Column, settings: Settings) -> Any:
    """A booster of what the reference leaves; its leaves are rounded, so that they can be written shortly."""
    lightgbm = import_module("lightgbm")
    table = lightgbm.Dataset(matrix(features), remaining)
    booster = lightgbm.train(settings.of_library(), table, settings.trees)
    for index, tree in enumerate(booster.dump_model()["tree_info"]):
        for leaf in _leaves(tree["tree_structure"]):
            booster.set_leaf_output(index, leaf.get("leaf_index", 0), round(leaf["leaf_value"], LEAF_DIGITS))
    return booster


def _leaves(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "left_child" not in node:
        return [node]
    return _leaves(node["left_child"]) + _leaves(node["right_child"])


def tree_table(booster: Any) -> tuple[dict[str, list[Any]], int]:
    """The arrays of `Trees`, and how deep the deepest is: breadth first, two children side by side."""
    features = booster.num_feature()
    found: dict[str, list[Any]] = {"feature": [], "number": [], "left": [], "first": []}
    depth = 0
    for tree in booster.dump_model()["tree_info"]:
        found["first"].append(len(found["feature"]))
        depth = max(depth, _append(found, tree["tree_structure"], features))
    return found, depth


def _append(found: dict[str, list[Any]], root: Mapping[str, Any], features: int) -> int:
    """Adds one tree; returns its depth."""
    queue, depths = [root], [0]
    start = len(found["feature"])
    for place, node in enumerate(queue):
        if "left_child" in node:
            found["feature"].append(node["split_feature"])
            found["number"].append(_threshold(node["threshold"]))
            found["left"].append(start + len(queue))
            queue += [node["left_child"], node["right_child"]]
            depths += [depths[place] + 1] * 2
        else:
            found["feature"].append(features)
            found["number"].append(round(node.get("leaf_value", 0.0), LEAF_DIGITS))
            found["left"].append(start + place)
    return max(depths)


def _threshold(exact: float) -> float:
    """Shortened; features are rounded, so none lies between. Just below zero stays below zero."""
    return -BETWEEN_FEATURES if -BETWEEN_FEATURES < exact < 0 else round(exact, DIGITS + 2)


def trees_of(booster: Any) -> Trees:
    """The booster as plain arrays."""
    table, depth = tree_table(booster)
    return Trees.from_json(table, depth)


def fit_ruler(features: Mapping[str, Column], error: Column) -> tuple[Array, float]:
    """Least squares of the size of errors on `ruler_inputs`, and their usual size."""
    inputs, size = ruler_inputs(features), np.abs(error)
    weights = np.linalg.lstsq(inputs, size, rcond=None)[0]
    return np.round(weights, 6), round(float(size.mean()), 4)


def shares_of(errors: Array) -> Array:
    """The share of all errors at or below each end of the cells."""
    known = np.sort(errors[~np.isnan(errors)])
    return np.round(np.searchsorted(known, CELL_ENDS, side="right") / known.size, 6)
