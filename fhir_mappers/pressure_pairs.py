"""Systolic and diastolic values sent as Observations of their own, judged as the pair that they are.

Sits beside `panel_copies`; the two values of one resource are compared in `observation`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fhir_mappers.columns import Columns
from fhir_mappers.deduplicate import Lost
from models.signals import DIASTOLIC, SYSTOLIC

REVERSED: Final = "implausible:sbp<=dbp"


def without_reversed_pairs(columns: dict[str, Columns]) -> tuple[dict[str, Columns], list[Lost]]:
    """All columns without the pairs of one instant whose systolic value is not above the diastolic one."""
    if SYSTOLIC not in columns or DIASTOLIC not in columns:
        return columns, []
    upper, lower = columns[SYSTOLIC], columns[DIASTOLIC]
    at_ms = np.intersect1d(_alone(upper), _alone(lower), assume_unique=True)
    first, second = _rows_at(upper, at_ms), _rows_at(lower, at_ms)
    is_reversed = upper.value[first] <= lower.value[second]
    gone = first[is_reversed], second[is_reversed]
    lost = [
        (int(n), REVERSED)
        for one, rows in zip((upper, lower), gone, strict=True)
        for n in one.reference[rows]
    ]
    kept = {one.signal: one.take(_all_but(one, rows)) for one, rows in zip((upper, lower), gone, strict=True)}
    return columns | kept, lost


def _alone(pressure: Columns) -> NDArray[np.int64]:
    """The instants of which there is exactly one value."""
    at_ms, count = np.unique(pressure.at_ms, return_counts=True)
    alone: NDArray[np.int64] = at_ms[count == 1]
    return alone


def _rows_at(pressure: Columns, at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of instants that have one value each."""
    order = np.argsort(pressure.at_ms, kind="stable")
    rows: NDArray[np.int64] = order[np.searchsorted(pressure.at_ms[order], at_ms)]
    return rows


def _all_but(pressure: Columns, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    keep = np.ones(len(pressure), np.bool_)
    keep[rows] = False
    return keep
