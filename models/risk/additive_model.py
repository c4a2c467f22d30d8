"""Scores an additive model from its table: one look-up a term, and the points add up to the score.

Sits under the learned risk models; a table is a JSON file that `models.training` exports and a person
can read. No learning library is needed here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.assessment import Contribution, Interval

Array = NDArray[np.float64]

NORMAL_90: Final = 1.6448536269514722
"""Two-sided 90 % point of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Term:
    """One feature's table. Cell 0 is "missing"; cell i holds values from edge i-2 up to edge i-1.

    `edges` float64[b], ascending; `points` float64[b+2] in log-odds; `points_by_refit` float64[r, b+2],
    the same table in each of r models refitted on resampled people.
    """

    feature: str
    edges: Array
    points: Array
    points_by_refit: Array

    def cells(self, value: Array) -> NDArray[np.int64]:
        """The cell of each value; a value on an edge belongs to the cell above it."""
        cell = np.searchsorted(self.edges, value, side="right") + 1
        return np.where(np.isnan(value), 0, cell)

    def cell(self, value: float) -> int:
        """The cell of one value, as `cells` finds it."""
        return 0 if isnan(value) else int(self.edges.searchsorted(value, side="right")) + 1


@dataclass(frozen=True, slots=True)
class AdditiveModel:
    """Probability = logistic(intercept + sum of points)."""

    name: str
    version: str
    intercept: float
    intercept_by_refit: Array
    terms: tuple[Term, ...]
    facts: Mapping[str, Any]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The model of an exported file; every key but the tables stays in `facts`."""
        document = json.loads(text)
        terms = tuple(
            Term(
                feature=term["feature"],
                edges=np.array(term["edges"], np.float64),
                points=np.array(term["points"], np.float64),
                points_by_refit=np.array(term["points_by_refit"], np.float64),
            )
            for term in document.pop("terms")
        )
        refits = np.array(document.pop("intercept_by_refit"), np.float64)
        return cls(
            document["model"], document["version"], document["intercept"], refits, terms, facts=document
        )

    def points(self, features: Mapping[str, Array]) -> Array:
        """Points of each term: float64[m, terms], for features of float64[m] each."""
        return np.stack([term.points[term.cells(features[term.feature])] for term in self.terms], axis=1)

    def probability(self, features: Mapping[str, Array]) -> Array:
        """Probability float64[m]."""
        return logistic(self.intercept + self.points(features).sum(axis=1))

    def contributions(self, features: Mapping[str, Array]) -> tuple[Contribution, ...]:
        """Intercept and terms of one moment (features of length 1); their points add up to the log-odds."""
        terms = (
            Contribution(term.feature, _known(features[term.feature][0]), float(term.points[cell]))
            for term, cell in zip(self.terms, self._cells(features), strict=True)
        )
        return (Contribution("intercept", None, self.intercept), *terms)

    def interval(self, features: Mapping[str, Array]) -> Interval:
        """Probability of one moment (features of length 1), with a 90 % interval of the estimate.

        The interval is the spread of the log-odds over the models refitted on resampled people: what
        another group of people to learn from would have changed. It is not the spread of outcomes.
        """
        found = list(zip(self.terms, self._cells(features), strict=True))
        refits = self.intercept_by_refit + sum(term.points_by_refit[:, cell] for term, cell in found)
        log_odds = self.intercept + float(np.sum([term.points[cell] for term, cell in found]))
        half = NORMAL_90 * float(np.std(refits, ddof=1))
        low, value, high = logistic(np.array([log_odds - half, log_odds, log_odds + half]))
        return Interval(float(value), float(low), float(high))

    def _cells(self, features: Mapping[str, Array]) -> list[int]:
        """The cell of each term at one moment."""
        return [term.cell(features[term.feature][0]) for term in self.terms]


def logistic(log_odds: Array) -> Array:
    """Log-odds to probability, without overflow at either end."""
    falling = np.exp(-np.abs(log_odds))
    probability: Array = np.where(log_odds >= 0, 1.0, falling) / (1.0 + falling)
    return probability


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
