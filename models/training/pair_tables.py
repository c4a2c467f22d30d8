"""Tables of one and of two features that add up to what a model's leaves add up to.

Sits under `fit_pairwise`; needs numpy alone. What a pair says of one of its features alone is moved into
that feature's own table, so that a pair holds only what the two say together (Lengerich 2020, PMLR 108).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.training.task import Array

Cells = NDArray[np.float32]
"""float32[m, features]: how many edges of its feature each value has reached, NaN where it is missing."""

DECIMALS: Final = 5
"""Leaves are rounded to 0.00001 log-odds, so that tables hold the very sums of the trees."""
SETTLED: Final = 1e-5
MOST_PASSES: Final = 50


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf's value, and for each feature asked on the way: above which cell, up to which, missing too."""

    led: Mapping[int, tuple[float, float, bool]]
    value: float


@dataclass(frozen=True, slots=True)
class Table:
    """Points in log-odds of one feature, [refits, cells], or of two, [refits, cells, cells].

    `edges` of each feature; cell 0 is "missing", cell i holds values from edge i-2 up to edge i-1.
    """

    features: tuple[int, ...]
    edges: tuple[Array, ...]
    points: Array


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything that adds up to the log-odds; `intercept` float64[refits]."""

    intercept: Array
    alone: tuple[Table, ...]
    together: tuple[Table, ...]


def tables_of(refits: Sequence[Iterable[Leaf]], edges: Sequence[Array], cells: Cells) -> Tables:
    """The tables of some refits over the same edges.

    `cells` float32[m, features], NaN where missing, are the rows learned from; they weigh what is moved.
    """
    found = _added_up(refits, [own.size + 2 for own in edges])
    at = np.where(np.isnan(cells), 0, cells + 1).astype(np.int64)
    intercept = found.pop((), np.zeros(len(refits)))
    alone = [found.pop((f,), np.zeros((len(refits), own.size + 2))) for f, own in enumerate(edges)]
    together = []
    for (first, second), points in sorted(found.items()):
        table, moved = _purified(_narrowed((first, second), edges, points), at, edges)
        together.append(table)
        alone[first], alone[second] = alone[first] + moved[0], alone[second] + moved[1]
    centred = [_centred(f, edges[f], points, at[:, f]) for f, points in enumerate(alone)]
    intercept = intercept + sum(mean for _, mean in centred)
    return Tables(intercept.round(DECIMALS), tuple(table for table, _ in centred), tuple(together))


def _added_up(refits: Sequence[Iterable[Leaf]], cells: Sequence[int]) -> dict[tuple[int, ...], Array]:
    found: dict[tuple[int, ...], Array] = {}
    for refit, leaves in enumerate(refits):
        for leaf in leaves:
            asked = tuple(sorted(leaf.led))
            shape = (len(refits), *(cells[f] for f in asked))
            own = np.arange(len(refits)) == refit
            reached = np.ix_(own, *(_reached(leaf.led[f], cells[f]) for f in asked))
            found.setdefault(asked, np.zeros(shape))[reached] += leaf.value
    return found


def _reached(led: tuple[float, float, bool], cells: int) -> NDArray[np.bool_]:
    above, below, missing = led
    cell = np.arange(cells - 1)
    return np.concatenate([[missing], (cell > above) & (cell <= below)])


def _narrowed(features: tuple[int, int], edges: Sequence[Array], points: Array) -> Table:
    """The same table without the edges across which nothing changes."""
    kept: list[Array] = []
    for axis, feature in enumerate(features, start=1):
        groups, own = _groups(points, axis, edges[feature])
        points = np.take(points, np.unique(groups, return_index=True)[1], axis=axis)
        kept.append(own)
    return Table(features, tuple(kept), points)


def _groups(points: Array, axis: int, edges: Array) -> tuple[NDArray[np.int64], Array]:
    """The coarser cell of each cell, and the edges that stay."""
    step = np.diff(np.moveaxis(points, axis, 0)[1:], axis=0)
    changes = (np.abs(step) > SETTLED / 10).reshape(step.shape[0], -1).any(axis=1)
    return np.concatenate([[0, 1], 1 + np.cumsum(changes)]), edges[changes]


def _coarser(at: NDArray[np.int64], edges: Array, kept: Array) -> NDArray[np.int64]:
    """The cell of each row in a table of fewer edges."""
    cell = np.concatenate([[0, 1], 2 + np.searchsorted(kept, edges, side="right") - 1])
    return np.asarray(cell[at], np.int64)


def _purified(
    table: Table, at: NDArray[np.int64], edges: Sequence[Array]
) -> tuple[Table, tuple[Array, Array]]:
    """The table without what one feature says alone, and that, in the cells of all edges of each feature."""
    points = _unseen_as_average(table.points.copy(), table, at, edges)
    rows = [_coarser(at[:, f], edges[f], kept) for f, kept in zip(table.features, table.edges, strict=True)]
    weight = np.ones(points.shape[1:])
    np.add.at(weight, tuple(rows), 1.0)
    moved = [np.zeros(points.shape[:2]), np.zeros((points.shape[0], points.shape[2]))]
    for _ in range(MOST_PASSES):
        of_first = ((points * weight).sum(axis=2) / weight.sum(axis=1)).round(DECIMALS)
        points -= of_first[:, :, None]
        of_second = ((points * weight).sum(axis=1) / weight.sum(axis=0)).round(DECIMALS)
        points -= of_second[:, None, :]
        moved[0] += of_first
        moved[1] += of_second
        if max(np.abs(of_first).max(), np.abs(of_second).max()) <= SETTLED:
            break
    spread = tuple(
        move[:, _coarser(np.arange(edges[f].size + 2), edges[f], kept)]
        for f, kept, move in zip(table.features, table.edges, moved, strict=True)
    )
    return Table(table.features, table.edges, points.round(DECIMALS)), (spread[0], spread[1])


def _unseen_as_average(points: Array, table: Table, at: NDArray[np.int64], edges: Sequence[Array]) -> Array:
    """A feature that was never missing has nothing to say where it is: its average over the rows."""
    for axis, feature in enumerate(table.features, start=1):
        rows = _coarser(at[:, feature], edges[feature], table.edges[axis - 1])
        weight = np.bincount(rows, minlength=points.shape[axis]).astype(np.float64)
        if weight[0] == 0:
            along = np.moveaxis(points, axis, 1)
            along[:, 0] = np.average(along, axis=1, weights=weight).round(DECIMALS)
    return points


def _centred(feature: int, edges: Array, points: Array, at: NDArray[np.int64]) -> tuple[Table, Array]:
    """The feature's own table around its mean over the rows, and that mean."""
    table = Table((feature,), (edges,), points)
    weight = np.bincount(at, minlength=points.shape[1]).astype(np.float64)
    mean = np.average(points, axis=1, weights=weight).round(DECIMALS)
    points = points - mean[:, None]
    if weight[0] == 0:
        points[:, 0] = 0.0
    groups, kept = _groups(points, 1, edges)
    first = np.unique(groups, return_index=True)[1]
    return Table(table.features, (kept,), points[:, first].round(DECIMALS)), mean
