"""Fits what is recorded beside CGM as optional terms on top of the log-odds from CGM; asks people left out.

Sits over `recorded_events`. A dozen people bear one line a term and no more: its slope is drawn to zero, is
zero where it helps nobody left out, and is written as a table whose cell for "missing" holds nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.risk.additive_model import cells, logistic
from models.risk.recorded_terms import CARBS, HEART_RATE, INSULIN, STEPS, STEPS_OF_EVENING
from models.training.metrics import auprc, auroc
from models.training.patient_folds import FOLDS, fold_of_people

Array = NDArray[np.float64]
People = NDArray[np.int64]

EDGES: Final[Mapping[str, tuple[float, ...]]] = {
    INSULIN: (0.5, 3.0, 6.0, 10.0, 15.0, 20.0, 30.0, 40.0),
    CARBS: (0.5, 5.0, 10.0, 20.0, 30.0),
    STEPS: (0.5, 2.0, 5.0, 10.0, 20.0, 30.0),
    STEPS_OF_EVENING: (5.0, 10.0, 20.0, 30.0, 40.0, 60.0),
    HEART_RATE: (),
}
"""Heart rate: no data at hand hold it beside CGM, so its table has no cells to tell apart."""

RIDGE: Final = 100.0
"""Weight that draws slopes to zero, in units of questions (the largest of three tried)."""

FEWEST_PEOPLE: Final = 5
"""Fewer people with records say nothing of others (our judgement)."""

LEARNED: Final = "learned"
NO_DATA: Final = "not learned: no data"
NO_GAIN: Final = "not learned: no gain on people left out"

NEWTON_STEPS: Final = 20
CONVERGED: Final = 1e-7
RESAMPLES: Final = 200
DECIMALS: Final = 4

Tables = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions of people with records, all float64[m]: features are NaN where missing, `log_odds` are those
    from CGM by tables that never saw the person, `weight` says how far recorded terms count.

    `directions`: +1 where a feature may only raise the risk, -1 where only lower.
    """

    features: Mapping[str, Array]
    log_odds: Array
    episode: Array
    person: People
    weight: Array
    directions: Mapping[str, int]

    def take(self, rows: NDArray[Any]) -> "Asked":
        """The questions selected by a mask or by positions."""
        return replace(
            self,
            features={name: column[rows] for name, column in self.features.items()},
            log_odds=self.log_odds[rows],
            episode=self.episode[rows],
            person=self.person[rows],
            weight=self.weight[rows],
        )

    def cells(self) -> dict[str, NDArray[np.int64]]:
        """The cell of each feature, 0 for "missing"."""
        return {name: cells(np.array(EDGES[name]), column) for name, column in self.features.items()}

    def split(self, seed: int) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
        """Masks of the questions to learn from and to ask, by person."""
        people, row = np.unique(self.person, return_inverse=True)
        fold = fold_of_people(people.size, seed)[row]
        return ((fold != left_out, fold == left_out) for left_out in range(min(FOLDS, people.size)))


def points(asked: Asked, names: Sequence[str]) -> Tables:
    """Points of each cell of each feature, float64[edges + 2], zero but for `names`.

    The cell of "missing" comes first and is zero. A slope against its direction is none.
    """
    cell = asked.cells()
    scale = {name: _scale(asked.features[name], cell[name], len(EDGES[name])) for name in cell}
    slopes = dict.fromkeys(cell, 0.0) | _slopes(asked, {name: scale[name][cell[name]] for name in names})
    return {name: np.round(slopes[name] * scale[name], DECIMALS) + 0.0 for name in cell}


def _slopes(asked: Asked, columns: Mapping[str, Array]) -> dict[str, float]:
    ones = np.ones(asked.episode.size)
    design = np.stack([ones, *(column * asked.weight for column in columns.values())], axis=1)
    found = _ridge(design, asked.episode, asked.log_odds)[1:]
    pairs = zip(columns, found.tolist(), strict=True)
    return {name: slope if slope * asked.directions[name] > 0 else 0.0 for name, slope in pairs}


def _scale(column: Array, cell: NDArray[np.int64], edges: int) -> Array:
    """Mean of each cell against the mean of all, in standard deviations; 0 for "missing"."""
    known = cell > 0
    count = np.bincount(cell[known], minlength=edges + 2)
    mean = np.bincount(cell[known], column[known], edges + 2) / np.maximum(count, 1)
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
        step = np.linalg.solve(curvature, design.T @ (episode - stated) - drawn * weight)
        weight = weight + step
        if np.abs(step).max() < CONVERGED:
            break
    return weight


def added(tables: Tables, asked: Asked) -> Array:
    """Log-odds that the optional terms add to each question, float64[m]."""
    total: Array = np.sum([tables[name][cell] for name, cell in asked.cells().items()], axis=0)
    return asked.weight * total


def chosen(asked: Asked, seed: int) -> tuple[str, ...]:
    """The features that help people left out, one after the other, each by the log loss it takes away."""
    kept: tuple[str, ...] = ()
    loss = log_loss(asked.episode, asked.log_odds)
    open_to = [name for name, column in asked.features.items() if not np.isnan(column).all()]
    while open_to:
        tried = {name: _loss_left_out(asked, (*kept, name), seed) for name in open_to}
        best = min(tried, key=lambda name: tried[name])
        if tried[best] >= loss:
            break
        kept, loss = (*kept, best), tried[best]
        open_to.remove(best)
    return kept


def _loss_left_out(asked: Asked, names: Sequence[str], seed: int) -> float:
    gained = _left_out(asked, seed, lambda others: points(others, names))
    return log_loss(asked.episode, asked.log_odds + gained)


def _left_out(asked: Asked, seed: int, fit: Callable[[Asked], Tables]) -> Array:
    """What the terms add, for each person by terms fitted to others."""
    gained = np.zeros(asked.episode.size)
    for learn, test in asked.split(seed):
        gained[test] = added(fit(asked.take(learn)), asked.take(test))
    return gained


def log_loss(episode: Array, log_odds: Array) -> float:
    """Mean negative log-likelihood of the answers."""
    return float(np.mean(np.logaddexp(0.0, log_odds) - episode * log_odds))


def terms(asked: Asked, refits: int, seed: int) -> list[dict[str, Any]]:
    """The terms in the file's form, with what each would be for other people drawn from these."""
    names = chosen(asked, seed)
    table = points(asked, names)
    again = [points(asked.take(rows), names) for rows in _resamples(asked.person, refits, seed)]
    return [
        {
            "feature": name,
            "learned": _learned(asked.features[name], table[name]),
            "edges": list(EDGES[name]),
            "points": table[name].tolist(),
            "points_by_refit": [refit[name].tolist() for refit in again],
        }
        for name in table
    ]


def _learned(column: Array, table: Array) -> str:
    if np.isnan(column).all():
        return NO_DATA
    return LEARNED if table.any() else NO_GAIN


METRICS: Final[Mapping[str, Callable[[Array, Array], float]]] = {
    "auroc": auroc,
    "auprc": auprc,
    "log_loss": log_loss,
}


def on_people_left_out(asked: Asked, seed: int) -> dict[str, Any]:
    """Ranking and log loss from CGM only and with the terms, and their differences with 95 % intervals.

    Terms are both chosen and fitted without the people they are asked of.
    """
    gained = _left_out(asked, seed, lambda others: points(others, chosen(others, seed)))
    of_cgm, with_terms = asked.log_odds, asked.log_odds + gained
    alone, both = _scores(asked.episode, of_cgm), _scores(asked.episode, with_terms)
    drawn = [
        _scores(asked.episode[rows], with_terms[rows]) - _scores(asked.episode[rows], of_cgm[rows])
        for rows in _resamples(asked.person, RESAMPLES, seed)
    ]
    ends = np.round(np.nanquantile(drawn, [0.025, 0.975], axis=0), DECIMALS + 1).T.tolist()
    return {
        "people": int(np.unique(asked.person).size),
        "questions": int(asked.episode.size),
        **{
            f"{name}_cgm_only": round(one, DECIMALS)
            for name, one in zip(METRICS, alone.tolist(), strict=True)
        },
        **{name: round(one, DECIMALS) for name, one in zip(METRICS, both.tolist(), strict=True)},
        **{f"{name}_difference_interval_95": end for name, end in zip(METRICS, ends, strict=True)},
    }


def _scores(episode: Array, log_odds: Array) -> Array:
    return np.array([metric(episode, log_odds) for metric in METRICS.values()])


def facts_of(asked: Asked, refits: int, seed: int) -> dict[str, Any]:
    """What an artefact says of its optional terms: the terms, and how they did; of too few people nothing."""
    if np.unique(asked.person).size < FEWEST_PEOPLE:
        return {"recorded_terms": [_not_learned(name, refits) for name in asked.features]}
    return {
        "recorded_terms": terms(asked, refits, seed),
        "recorded_on_people_left_out": on_people_left_out(asked, seed),
    }


def _not_learned(name: str, refits: int) -> dict[str, Any]:
    nothing = [0.0, 0.0]
    by_refit = [nothing] * refits
    return {"feature": name, "learned": NO_DATA, "edges": [], "points": nothing, "points_by_refit": by_refit}


def _resamples(person: People, times: int, seed: int) -> list[NDArray[np.int64]]:
    """Positions of the questions of people drawn with replacement."""
    rng = np.random.default_rng(seed)
    of_person = [np.flatnonzero(person == one) for one in np.unique(person)]
    return [
        np.concatenate([of_person[i] for i in rng.integers(0, len(of_person), len(of_person))])
        for _ in range(times)
    ]
