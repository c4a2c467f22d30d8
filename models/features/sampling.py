"""How much time each reading stands for, and how much of a window the readings cover.

Sits under the glycaemic metrics and the episodes: both count minutes, never readings.
"""

from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Whole = TypeVar("Whole", bound=np.integer[Any])

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000

SENSOR_INTERVALS_MIN: Final = np.array([1.0, 2.0, 3.0, 5.0, 15.0])
"""Reporting intervals of CGM systems on the market; a spacing is taken as the nearest by ratio."""

COPY_WITHIN_MS: Final = 30_000
"""Readings of one stream closer than this are copies (half of the shortest sensor interval)."""

ONE_INTERVAL_SHARE: Final = 0.95
"""A stream with this share of its readings at one interval has that interval throughout (our judgement):
what remains are lost packets, not another sensor."""


def distinct(values: NDArray[Whole]) -> NDArray[Whole]:
    """The distinct values, ascending; runs of equal values, as days of readings in time, cost no sort."""
    begins = np.ones(values.size, bool)
    begins[1:] = values[1:] != values[:-1]
    return np.unique(values[begins])


def reading_minutes(at_ms: NDArray[np.int64], source: NDArray[np.int16]) -> NDArray[np.float64]:
    """Minutes that each reading stands for, float64[n], by the spacing within its own stream.

    Zero where nothing tells the interval: a stream of a single reading.
    """
    minutes = np.zeros(at_ms.size)
    for stream in distinct(source):
        mine = source == stream
        minutes[mine] = _stream_minutes(at_ms[mine])
    return minutes


def _stream_minutes(at_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    new = np.ones(at_ms.size, bool)
    new[1:] = at_ms[1:] - at_ms[:-1] > COPY_WITHIN_MS
    distinct = at_ms[new]
    if distinct.size < 2:
        return np.zeros(at_ms.size)
    gap = np.full(distinct.size + 1, np.inf)
    gap[1:-1] = (distinct[1:] - distinct[:-1]) / MINUTE_MS
    kind = _nearest_interval(np.minimum(gap[1:], gap[:-1]))
    count = np.bincount(kind, minlength=SENSOR_INTERVALS_MIN.size)
    if count.max() >= ONE_INTERVAL_SHARE * distinct.size:
        return np.full(at_ms.size, SENSOR_INTERVALS_MIN[count.argmax()])
    minutes: NDArray[np.float64] = SENSOR_INTERVALS_MIN[kind][np.cumsum(new) - 1]
    return minutes


def _nearest_interval(minutes: NDArray[np.float64]) -> NDArray[np.int64]:
    edges = np.sqrt(SENSOR_INTERVALS_MIN[1:] * SENSOR_INTERVALS_MIN[:-1])
    return np.searchsorted(edges, minutes)


def covered_ms(at_ms: NDArray[np.int64], minutes: NDArray[np.float64], start_ms: int) -> float:
    """Milliseconds after `start_ms` for which a reading exists: each covers its interval up to itself.

    Overlaps count once, so copies and a second sensor at the same time add nothing.
    `at_ms` must be sorted.
    """
    since_last = np.diff(at_ms, prepend=start_ms)
    return float(np.minimum(since_last, minutes * MINUTE_MS).sum())
