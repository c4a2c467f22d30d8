"""One reading per instant: copies collapse, and copies that contradict each other go.

The mapper removes most copies by identifier and stream; this is the last line before a number is made.
"""

from typing import Final

import numpy as np

from models.preprocess.cleaned import Cleaned, without
from models.time_series import TimeSeries

# Hazard H-10 of the risk analysis: a slot whose values differ by more than this is excluded.
CONFLICT_MGDL: Final = 20.0
CONFLICT_FRACTION: Final = 0.2


def one_per_instant(glucose: TimeSeries) -> Cleaned:
    """One glucose reading per instant, whatever order they came in.

    Of readings that agree the lowest stays, so that a low is never hidden. Where the lowest and the
    highest differ by more than 20 mg/dL or 20 % all readings of the instant go.
    """
    if np.all(np.diff(glucose.at_ms) > 0):
        return Cleaned(glucose)
    ordered = glucose.take(np.lexsort((glucose.value, glucose.at_ms)))
    first = np.flatnonzero(np.diff(ordered.at_ms, prepend=ordered.at_ms[0] - 1))
    last = np.append(first[1:], len(ordered)) - 1
    low, high = ordered.value[first], ordered.value[last]
    apart = high - low
    conflict = (apart > CONFLICT_MGDL) | (apart > CONFLICT_FRACTION * low)
    in_conflict = np.repeat(conflict, last - first + 1)
    return without(ordered, in_conflict, "conflicting_copies").then(lowest_per_instant)


def lowest_per_instant(series: TimeSeries) -> Cleaned:
    """One reading per instant, the lowest one: for signals without a rule for copies that disagree."""
    if np.all(np.diff(series.at_ms) > 0):
        return Cleaned(series)
    ordered = series.take(np.lexsort((series.value, series.at_ms)))
    return without(ordered, np.diff(ordered.at_ms, prepend=np.int64(-1)) == 0, "copy")
