"""A series after a cleaning step, with the count of what the step removed and why.

Every step of this package returns it; features pass the counts on to the card.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.time_series import TimeSeries


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`series` is what was kept; `removed` counts readings by reason and names no reason without any."""

    series: TimeSeries
    removed: Mapping[str, int] = field(default_factory=dict)

    def then(self, step: Callable[[TimeSeries], "Cleaned"]) -> "Cleaned":
        """The next step applied to what this one kept; the counts add up."""
        after = step(self.series)
        total = dict(self.removed)
        for reason, count in after.removed.items():
            total[reason] = total.get(reason, 0) + count
        return Cleaned(after.series, total)


def without(series: TimeSeries, bad: NDArray[np.bool_], reason: str) -> Cleaned:
    """The series without the readings marked `bad`."""
    count = int(np.count_nonzero(bad))
    return Cleaned(series.take(~bad), {reason: count}) if count else Cleaned(series)
