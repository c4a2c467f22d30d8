"""Scores an additive model from its tables: one look-up a term, and the points add up to the score.

Sits under the learned risk models; a table is a JSON file that `models.training` exports and a person
can read. No learning library is needed here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot, isnan
from typing import Any, Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.assessment import Contribution, Interval

Array = NDArray[np.float64]

NORMAL_90: Final = 1.6448536269514722
"""Two-sided 90 % point of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Term:
    """The table of one feature, or of two that say together what neither says alone.

    On the axis of a feature, cell 0 is "missing" and cell i holds values from edge i-2 up to edge i-1.
    `edges` float64[b] of each feature, ascending; `points` in log-odds, float64[b+2] for one feature and
    float64[b+2, c+2] for two; `points_by_refit` float64[..., r], the same table in each of r models
    refitted on resampled people.
    """

    features: tuple[str, ...]
    edges: tuple[Array, ...]
    points: Array
    points_by_refit: Array

    @classmethod
    def of(cls, term: Mapping[str, Any]) -> Self:
        """A term of an exported file: `feature` with its `edges`, or `features` with theirs."""
        alone = "feature" in term
        return cls(
            features=(term["feature"],) if alone else tuple(term["features"]),
            edges=tuple(np.array(own, np.float64) for own in ([term["edges"]] if alone else term["edges"])),
            points=np.array(term["points"], np.float64),
            points_by_refit=np.moveaxis(np.array(term["points_by_refit"], np.float64), 0, -1),
        )

    def cells(self, features: Mapping[str, Array]) -> tuple[NDArray[np.int64], ...]:
        """The cell of each value on each axis; a value on an edge belongs to the cell above it."""
        return tuple(cells(own, features[name]) for name, own in zip(self.features, self.edges, strict=True))


def cells(edges: Array, value: Array) -> NDArray[np.int64]:
    """The cell of each value of one feature, 0 where it is missing."""
    cell = np.searchsorted(edges, value, side="right") + 1
    return np.where(np.isnan(value), 0, cell)


@dataclass(frozen=True, slots=True)
class Lookup:
    """All tables in one array, so that one moment costs one look-up and not one for each term.

    `edges` of each feature are those of all its tables; `points` float64[cells of all terms, 1 + r] holds
    each table and its refits. The cell of term t is `start[t]` plus, for each of its axes, the entry of
    `steps` at `begin[axis, t]` + the cell of `feature[axis, t]`; a term of one feature has a second axis
    without steps.
    """

    features: tuple[str, ...]
    edges: tuple[Array, ...]
    points: Array
    start: NDArray[np.int64]
    steps: NDArray[np.int64]
    begin: NDArray[np.int64]
    feature: NDArray[np.int64]

    @classmethod
    def of(cls, terms: Sequence[Term]) -> Self:
        """The tables of some terms."""
        names = tuple(dict.fromkeys(name for term in terms for name in term.features))
        edges = tuple(_all_edges(terms, name) for name in names)
        flat = [
            np.concatenate([t.points[..., None], t.points_by_refit], axis=-1).reshape(t.points.size, -1)
            for t in terms
        ]
        axes = [_steps(term, names, edges) for term in terms]
        most = max(own.size for own in edges) + 2
        return cls(
            features=names,
            edges=edges,
            points=np.concatenate(flat),
            start=np.cumsum([0, *(len(table) for table in flat[:-1])]),
            steps=np.concatenate([np.resize(step, most) for pair in axes for step, _ in pair]),
            begin=(np.arange(2 * len(terms)) * most).reshape(-1, 2).T,
            feature=np.array([[feature for _, feature in pair] for pair in axes]).T,
        )

    def at(self, features: Mapping[str, Array]) -> Array:
        """Points of each term and of its refits at one moment, float64[terms, 1 + r]."""
        cell = np.array(
            [_cell(own, features[n][0]) for n, own in zip(self.features, self.edges, strict=True)]
        )
        found: Array = self.points[self.start + self.steps[self.begin + cell[self.feature]].sum(axis=0)]
        return found


def _cell(edges: Array, value: float) -> int:
    """The cell of one value, as `cells` finds it, in a fifth of its time."""
    return 0 if isnan(value) else int(edges.searchsorted(value, side="right")) + 1


def _all_edges(terms: Sequence[Term], name: str) -> Array:
    own = [e for t in terms for n, e in zip(t.features, t.edges, strict=True) if n == name]
    return np.unique(np.concatenate(own))


def _steps(
    term: Term, names: Sequence[str], edges: Sequence[Array]
) -> tuple[tuple[NDArray[np.int64], int], ...]:
    """For both axes, how far each cell of the feature lies from the table's first, and the feature."""
    strides = (1,) if len(term.features) == 1 else (term.points.shape[1], 1)
    axes = []
    for name, own, stride in zip(term.features, term.edges, strides, strict=True):
        among = edges[names.index(name)]
        coarse = np.concatenate([[0, 1], np.searchsorted(own, among, side="right") + 1])
        axes.append((coarse * stride, names.index(name)))
    return tuple(axes) if len(axes) == 2 else (*axes, (np.zeros(1, np.int64), 0))


@dataclass(frozen=True, slots=True)
class LogOdds:
    """Log-odds of one moment, and their standard deviation over models refitted on resampled people."""

    value: float
    sd: float

    def plus(self, points: float, sd: float) -> Self:
        """With points added that were learned apart from these."""
        return replace(self, value=self.value + points, sd=hypot(self.sd, sd))

    def interval(self) -> Interval:
        """Probability with a 90 % interval of the estimate.

        It is what another group of people to learn from would have changed, not the spread of outcomes.
        """
        half = NORMAL_90 * self.sd
        low, value, high = logistic(np.array([self.value - half, self.value, self.value + half]))
        return Interval(float(value), float(low), float(high))


@dataclass(frozen=True, slots=True)
class AdditiveModel:
    """Probability = logistic(intercept + sum of points)."""

    name: str
    version: str
    intercept: float
    intercept_by_refit: Array
    terms: tuple[Term, ...]
    lookup: Lookup
    facts: Mapping[str, Any]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The model of an exported file; every key but the tables stays in `facts`."""
        document = msgspec.json.decode(text)
        terms = tuple(Term.of(term) for term in document.pop("terms"))
        return cls(
            name=document["model"],
            version=document["version"],
            intercept=document["intercept"],
            intercept_by_refit=np.array(document.pop("intercept_by_refit"), np.float64),
            terms=terms,
            lookup=Lookup.of(terms),
            facts=document,
        )

    def with_terms(self, exported: Sequence[Mapping[str, Any]]) -> Self:
        """The same model with further terms of its file."""
        terms = (*self.terms, *(Term.of(term) for term in exported))
        return replace(self, terms=terms, lookup=Lookup.of(terms))

    def probability(self, features: Mapping[str, Array]) -> Array:
        """Probability float64[m], for features of float64[m] each."""
        points = sum(term.points[term.cells(features)] for term in self.terms)
        return logistic(self.intercept + np.asarray(points, np.float64))

    def contributions(self, features: Mapping[str, Array]) -> tuple[Contribution, ...]:
        """Intercept and features of one moment (features of length 1); their points add up to the log-odds.

        What two features say together is shared equally between them, which is their Shapley value.
        """
        shares = dict.fromkeys(self.lookup.features, 0.0)
        for term, points in zip(self.terms, self.lookup.at(features)[:, 0], strict=True):
            for name in term.features:
                shares[name] += float(points) / len(term.features)
        told = (Contribution(name, _known(features[name][0]), share) for name, share in shares.items())
        return (Contribution("intercept", None, self.intercept), *told)

    def interval(self, features: Mapping[str, Array]) -> Interval:
        """Probability of one moment (features of length 1), with a 90 % interval of the estimate."""
        return self.log_odds(features).interval()

    def log_odds(self, features: Mapping[str, Array]) -> LogOdds:
        """Log-odds of one moment (features of length 1)."""
        points, *by_refit = self.lookup.at(features).sum(axis=0)
        spread = _deviation(self.intercept_by_refit + by_refit)
        return LogOdds(self.intercept + float(points), spread)


def _deviation(by_refit: Array) -> float:
    """Standard deviation over refits, widened because they are few.

    By so much as Student's t is wider than the normal distribution at 90 % (Abramowitz and Stegun, 26.7.5).
    """
    z, freedom = NORMAL_90, by_refit.size - 1
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    wider = 1 + (first / freedom + second / freedom**2 + third / freedom**3) / z
    return wider * float(np.std(by_refit, ddof=1))


def logistic(log_odds: Array) -> Array:
    """Log-odds to probability, without overflow at either end."""
    falling = np.exp(-np.abs(log_odds))
    probability: Array = np.where(log_odds >= 0, 1.0, falling) / (1.0 + falling)
    return probability


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
