"""Adds what is recorded beside CGM to a risk of the next hours: all of it where CGM tells of little risk.

Sits between `recorded_terms` and `episode_risk`; the tables are made by `models.training.fit_recorded`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from models.assessment import Contribution
from models.risk.additive_model import Array, Term

FULL_UP_TO: Final = -4.5
NOTHING_FROM: Final = -1.5
"""Log-odds from CGM, of about 1 % and 18 %. Insulin, food and steps told most of people with events where CGM
told of no episode, and nothing where glucose was already on its way."""


def weight(log_odds: Array) -> Array:
    """How far the recorded terms count beside these log-odds from CGM, 1 to 0, same shape.

    As long as the terms add less than the 3 log-odds over which they fade, a higher risk from CGM stays the
    higher one.
    """
    found: Array = np.clip((NOTHING_FROM - log_odds) / (NOTHING_FROM - FULL_UP_TO), 0.0, 1.0)
    return found


@dataclass(frozen=True, slots=True)
class RecordedPoints:
    """The optional terms of one table; one without any adds nothing."""

    terms: tuple[Term, ...] = ()

    @classmethod
    def of(cls, exported: Iterable[Mapping[str, Any]]) -> Self:
        """Those of a file."""
        return cls(tuple(Term.of(term) for term in exported))

    @property
    def names(self) -> tuple[str, ...]:
        """The features that are asked for."""
        return tuple(name for term in self.terms for name in term.features)

    def contributions(self, features: Mapping[str, Array], log_odds: float) -> tuple[Contribution, ...]:
        """Points of each term beside the log-odds from CGM; without a value, not recorded, and no points."""
        counts = float(weight(np.array(log_odds)))
        return tuple(
            Contribution(name, None if np.isnan(features[name][0]) else float(features[name][0]), points)
            for name, points in zip(self.names, (counts * self._at(features)[:, 0]).tolist(), strict=True)
        )

    def by_refit(self, features: Mapping[str, Array], log_odds: float) -> Array:
        """What all terms add at one moment, and would by each refit: float64[1 + r]; [0] without terms."""
        counts = float(weight(np.array(log_odds)))
        added: Array = counts * self._at(features).sum(axis=0)
        return added

    def _at(self, features: Mapping[str, Array]) -> Array:
        """Points of each term and of its refits, float64[terms, 1 + r]."""
        rows: Sequence[Array] = [
            np.append(term.points[cell], term.points_by_refit[cell])
            for term in self.terms
            for cell in [term.cells(features)[0][0]]
        ]
        return np.array(rows) if rows else np.zeros((0, 1))
