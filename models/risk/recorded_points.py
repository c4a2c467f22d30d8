"""Adds what is recorded beside CGM to a risk of the next hours: all of it where CGM tells of little risk.

Sits between `recorded_terms` and `episode_risk`; the tables beside it are made by
`models.training.train_recorded`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Self

import msgspec
import numpy as np

from models.assessment import Contribution
from models.risk.additive_model import Array, LogOdds, Term

FULL_UP_TO: Final = -4.5
NOTHING_FROM: Final = -1.5
"""Log-odds from CGM, of about 1 % and 18 %. Insulin, food and steps told most where CGM told of no episode,
and nothing where glucose was already on its way (13 people with events)."""


def weight(log_odds: Array) -> Array:
    """How far the recorded terms count beside these log-odds from CGM, 1 to 0, same shape.

    As long as the terms add less than the 3 log-odds over which they fade, the higher risk from CGM stays the
    higher one.
    """
    found: Array = np.clip((NOTHING_FROM - log_odds) / (NOTHING_FROM - FULL_UP_TO), 0.0, 1.0)
    return found


@dataclass(frozen=True, slots=True)
class RecordedPoints:
    """The optional terms beside one table; without any, nothing is added."""

    terms: tuple[Term, ...] = ()

    @classmethod
    def of(cls, exported: Iterable[Mapping[str, Any]]) -> Self:
        """Those of a file."""
        return cls(tuple(Term.of(term) for term in exported))

    @property
    def names(self) -> tuple[str, ...]:
        """The features of the terms."""
        return tuple(name for term in self.terms for name in term.features)

    @property
    def learned(self) -> tuple[str, ...]:
        """The features whose terms hold any points; the others are named in the file, and change nothing."""
        return tuple(name for term in self.terms if term.points.any() for name in term.features)

    def contributions(self, features: Mapping[str, Array], of_cgm: LogOdds) -> tuple[Contribution, ...]:
        """Points of each term beside the log-odds from CGM; None is not recorded, and has no points."""
        points = _counting(of_cgm) * self._at(features)[0]
        values = [float(features[name][0]) for name in self.names]
        return tuple(
            Contribution(name, None if np.isnan(value) else value, float(own))
            for name, value, own in zip(self.names, values, points, strict=True)
        )

    def added_to(self, of_cgm: LogOdds, features: Mapping[str, Array]) -> LogOdds:
        """The log-odds with these terms, for features of length 1."""
        if not self.terms:
            return of_cgm
        points, *by_refit = _counting(of_cgm) * self._at(features).sum(axis=1)
        return of_cgm.plus(float(points), float(np.std(by_refit, ddof=1)))

    def _at(self, features: Mapping[str, Array]) -> Array:
        """Points of each term, and by each refit, float64[1 + r, terms]."""
        found = []
        for term in self.terms:
            (cell,) = term.cells(features)
            found.append(np.append(term.points[cell], term.points_by_refit[cell]))
        return np.array(found).T if found else np.zeros((1, 0))


def _counting(of_cgm: LogOdds) -> float:
    return float(weight(np.array(of_cgm.value)))


def beside(model: str, horizons_min: Iterable[int]) -> dict[int, RecordedPoints]:
    """The packaged terms beside the tables of a model: horizon in minutes -> terms."""
    facts = msgspec.json.decode((files("models.risk") / "recorded_points.json").read_bytes())
    return {
        horizon: RecordedPoints.of(facts["models"][f"{model}_{horizon}"]["recorded_terms"])
        for horizon in horizons_min
    }
