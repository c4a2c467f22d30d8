"""Fits the optional terms of the night on top of the log-odds from CGM, and asks people left out of them.

Sits over `nocturnal_events`. A dozen people bear one line a term and no more: its slope is drawn to zero, and
the line is written as a table, whose cell for "missing" is zero by construction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.risk.additive_model import logistic
from models.risk.nocturnal_evening import CARBS, STEPS
from models.training.metrics import auroc

Array = NDArray[np.float64]
People = NDArray[np.int64]

EDGES: Final[Mapping[str, tuple[float, ...]]] = {
    CARBS: (0.5, 5.0, 10.0, 20.0, 30.0),
    STEPS: (5.0, 10.0, 20.0, 30.0, 40.0, 60.0),
}
SIGNS: Final[Mapping[str, int]] = {CARBS: -1, STEPS: 1}
"""Food just eaten may only lower the risk, walking only raise it (exercise lowers glucose for hours)."""

RIDGE: Final = 100.0
"""Weight that draws slopes to zero, in units of nights (the largest of three tried)."""

FEWEST_PEOPLE: Final = 5
"""Fewer people with records say nothing of others (our judgement)."""

NEWTON_STEPS: Final = 20
RESAMPLES: Final = 1000
DECIMALS: Final = 4


@dataclass(frozen=True, slots=True)
class Evenings:
    """Nights of people with records, all float64[m]: features are NaN where missing, `log_odds` are those
    from CGM by tables that never saw the person.
    """

    features: Mapping[str, Array]
    log_odds: Array
    episode: Array
    person: People

    def take(self, rows: NDArray[Any]) -> "Evenings":
        """The nights selected by a mask or by positions."""
        features = {name: column[rows] for name, column in self.features.items()}
        return Evenings(features, self.log_odds[rows], self.episode[rows], self.person[rows])


def points(nights: Evenings) -> dict[str, Array]:
    """Points of each cell of each term, float64[edges + 2]: the cell of "missing" first, always zero."""
    cells = {name: _cells(name, column) for name, column in nights.features.items()}
    scale = {name: _scale(name, nights.features[name], cells[name]) for name in cells}
    design = np.stack([np.ones(nights.episode.size), *(scale[name][cells[name]] for name in cells)], axis=1)
    slopes = _ridge(design, nights.episode, nights.log_odds)[1:]
    kept = {
        name: slope if slope * SIGNS[name] > 0 else 0.0 for name, slope in zip(cells, slopes, strict=True)
    }
    return {name: np.round(kept[name] * scale[name], DECIMALS) for name in cells}


def _cells(name: str, column: Array) -> NDArray[np.int64]:
    cell = np.searchsorted(EDGES[name], column, side="right") + 1
    return np.where(np.isnan(column), 0, cell)


def _scale(name: str, column: Array, cell: NDArray[np.int64]) -> Array:
    """Mean of each cell against the mean of all, in standard deviations; 0 for "missing"."""
    known = cell > 0
    count = np.bincount(cell[known], minlength=len(EDGES[name]) + 2)
    mean = np.bincount(cell[known], column[known], len(EDGES[name]) + 2) / np.maximum(count, 1)
    centre = float(mean @ count / max(count.sum(), 1))
    spread = float(np.sqrt(((mean - centre) ** 2) @ count / max(count.sum(), 1)))
    return np.where(count > 0, (mean - centre) / max(spread, 1e-9), 0.0)


def _ridge(design: Array, episode: Array, offset: Array) -> Array:
    """Logistic regression on top of given log-odds; the first column, of ones, is not drawn to zero."""
    weight = np.zeros(design.shape[1])
    drawn = RIDGE * (np.arange(weight.size) > 0)
    for _ in range(NEWTON_STEPS):
        stated = logistic(offset + design @ weight)
        curvature = design.T @ (design * (stated * (1 - stated))[:, None]) + np.diag(drawn)
        weight = weight + np.linalg.solve(curvature, design.T @ (episode - stated) - drawn * weight)
    return weight


def added(table: Mapping[str, Array], nights: Evenings) -> Array:
    """Points of all optional terms of each night, float64[m]."""
    cells = {name: _cells(name, column) for name, column in nights.features.items()}
    total: Array = np.sum([table[name][cells[name]] for name in cells], axis=0)
    return total


def terms(nights: Evenings, refits: int, seed: int) -> list[dict[str, Any]]:
    """The terms in the file's form, with what each would be for other people drawn from these."""
    table = points(nights)
    again = [points(nights.take(rows)) for rows in _resamples(nights.person, refits, seed)]
    return [
        {
            "feature": name,
            "edges": list(EDGES[name]),
            "points": table[name].tolist(),
            "points_by_refit": [refit[name].tolist() for refit in again],
        }
        for name in table
    ]


def on_people_left_out(nights: Evenings, seed: int) -> dict[str, Any]:
    """AUROC with and without the terms, each person asked by terms fitted to the others."""
    gained = np.zeros(nights.episode.size)
    for left_out in np.unique(nights.person):
        asked = nights.person == left_out
        gained[asked] = added(points(nights.take(~asked)), nights.take(asked))
    both = nights.log_odds, nights.log_odds + gained
    drawn = [
        auroc(nights.episode[rows], both[1][rows]) - auroc(nights.episode[rows], both[0][rows])
        for rows in _resamples(nights.person, RESAMPLES, seed)
    ]
    return {
        "people": int(np.unique(nights.person).size),
        "nights": int(nights.episode.size),
        "auroc_cgm_only": round(auroc(nights.episode, both[0]), DECIMALS),
        "auroc": round(auroc(nights.episode, both[1]), DECIMALS),
        "difference_interval_95": np.round(np.quantile(drawn, [0.025, 0.975]), DECIMALS).tolist(),
    }


def _resamples(person: People, times: int, seed: int) -> list[NDArray[np.int64]]:
    """Positions of the nights of people drawn with replacement."""
    rng = np.random.default_rng(seed)
    of_person = [np.flatnonzero(person == one) for one in np.unique(person)]
    return [
        np.concatenate([of_person[i] for i in rng.integers(0, len(of_person), len(of_person))])
        for _ in range(times)
    ]
