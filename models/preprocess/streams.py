"""One sensor at a time: where two streams report the same five minutes, one of them stands.

Comes after error codes and copies; sensors overlap at changes, and apps upload one sensor twice.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.preprocess.cleaned import Cleaned, without
from models.preprocess.copies import CONFLICT_FRACTION, CONFLICT_MGDL
from models.time_series import TimeSeries

SLOT_MS: Final = 300_000
"""Slots of five UTC minutes (hazard H-10)."""


def one_stream_per_slot(glucose: TimeSeries) -> Cleaned:
    """In each five-minute slot only the stream with the most readings; ties go to the one that began
    last, then by name, so that the order of arrival does not matter.

    A slot in which the streams' means differ by more than 20 mg/dL or 20 % goes as a whole: nothing
    tells which sensor was right.
    """
    if not len(glucose) or glucose.source.min() == glucose.source.max():
        return Cleaned(glucose)
    slot = glucose.at_ms // SLOT_MS
    rank = _ranks(glucose)[glucose.source]
    slots, where = np.unique(slot, return_inverse=True)
    best = np.full(slots.size, np.iinfo(np.int64).max)
    np.minimum.at(best, where, rank)
    second = rank > best[where]
    in_conflict = _contradicted(glucose.value, where, second)[where]
    return without(glucose, in_conflict, "conflicting_streams").then(
        lambda kept: without(kept, second[~in_conflict], "second_stream")
    )


def _ranks(glucose: TimeSeries) -> NDArray[np.int64]:
    """Rank of every stream by its number in `sources`; 0 stands first."""
    streams, first, count = np.unique(glucose.source, return_index=True, return_counts=True)
    name = np.array(glucose.sources)[streams]
    order = np.lexsort((name, -glucose.at_ms[first], -count))
    rank = np.zeros(int(streams.max()) + 1, np.int64)
    rank[streams[order]] = np.arange(streams.size)
    return rank


def _contradicted(
    value: NDArray[np.float64], slot: NDArray[np.int64], second: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Slots (by number) whose first stream and the others together tell different glucose."""
    means = []
    for stream in (~second, second):
        count, total = np.bincount(slot, stream), np.bincount(slot, value * stream)
        means.append(np.divide(total, count, out=np.full(count.size, np.nan), where=count > 0))
    apart = np.abs(means[0] - means[1])
    differ: NDArray[np.bool_] = (apart > CONFLICT_MGDL) | (apart > CONFLICT_FRACTION * np.fmin(*means))
    return differ
