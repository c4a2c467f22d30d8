"""How low or high glucose is expected to go in the next hours: boosted trees, seen by the glucose risks.

Sits under `episode_risk`; made by `models.training.fit_outlook`. It learns from how far glucose went, which
says more of a moment than whether a line was crossed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Self

import msgspec
import numpy as np

from models.risk.causal_grid import Column
from models.risk.glucose_forecast_trees import Array, Trees

DIGITS: Final = 3
"""Features are rounded, so that a threshold between two of them can be written shortly."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One expected number: a share of the present glucose, taken over as it is, plus what the trees add.

    Where the trees add a rest that never falls with more glucose, neither does the sum.
    """

    name: str
    share_of_glucose: float
    trees: Trees
    rmse_on_people_left_out: float
    examples: Sequence[Mapping[str, Any]]

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Self:
        """One of an exported file."""
        trees = Trees.from_json(table["trees"], table["depth"])
        told = (table[key] for key in ("rmse_on_people_left_out", "examples"))
        return cls(table["name"], table["share_of_glucose"], trees, *told)

    def column(self, rows: Array, glucose: Column) -> Column:
        """The number for each row of `rows_of`, float64[m]; `glucose` float64[m] mg/dL."""
        return self.share_of_glucose * glucose + self.trees.sum(rows)


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that is expected, and the features that it is learned from."""

    features: tuple[str, ...]
    expected: tuple[Expected, ...]
    facts: Mapping[str, Any]

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The outlook of an exported file; every key but the trees stays in `facts`."""
        document = msgspec.json.decode(text)
        expected = tuple(Expected.from_json(table) for table in document.pop("terms"))
        return cls(tuple(document["features"]), expected, document)

    @classmethod
    def packaged(cls, model: str) -> Self:
        """The outlook beside a model's tables."""
        return cls.from_json((files("models.risk") / f"{model}_outlook.json").read_bytes())

    def seen(self, features: Mapping[str, Column]) -> dict[str, Column]:
        """The features of m moments, float64[m] each, and what is expected of each moment."""
        rows = rows_of(as_written([features[name] for name in self.features]))
        glucose = features["glucose_mgdl"]
        return {**features, **{one.name: one.column(rows, glucose) for one in self.expected}}


def as_written(columns: Sequence[Column]) -> Array:
    """k columns of float64[m], rounded, as rows: float64[m, k], NaN where missing."""
    return np.asarray(np.round(np.stack(columns, axis=1), DIGITS), np.float64)


def rows_of(rows: Array) -> Array:
    """Rows float64[m, k] as the trees take them, float64[m, 2 k].

    Each column stands twice: a missing value is below every threshold in the first half and above every one
    in the second, so that a tree may send it either way.
    """
    missing = np.isnan(rows)
    return np.concatenate([np.where(missing, -np.inf, rows), np.where(missing, np.inf, rows)], axis=1)
