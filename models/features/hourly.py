"""Glucose by local day and hour of the day: the table that patterns are read from.

Sits between the readings and the named patterns.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models.features.bands import HIGH, LOW, VERY_HIGH, VERY_LOW, shown_glucose
from models.features.episodes import episode_spans
from models.features.local_time import local_ms
from models.features.sampling import MINUTE_MS, reading_minutes
from models.time_series import TimeSeries

HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class HourlyGlucose:
    """Minutes of glucose by local day (rows, only days with a reading) and hour (24 columns), float64.

    `measured` is all time with a reading, `low` and `very_low` the part inside episodes, `high` and
    `very_high` the part above the limit; `lowest_mgdl` and `mean_mgdl` are NaN without a reading.
    """

    measured: NDArray[np.float64]
    low: NDArray[np.float64]
    very_low: NDArray[np.float64]
    high: NDArray[np.float64]
    very_high: NDArray[np.float64]
    lowest_mgdl: NDArray[np.float64]
    mean_mgdl: NDArray[np.float64]


def hourly_glucose(glucose: TimeSeries, clock: ZoneInfo) -> HourlyGlucose:
    """The table of a series; an hour that the clock repeats counts up to 120 minutes."""
    wall_ms = local_ms(glucose.at_ms, clock)
    hour = wall_ms // HOUR_MS
    days = np.unique(hour // 24)
    cell = np.searchsorted(days, hour // 24) * 24 + hour % 24
    minutes = reading_minutes(glucose.at_ms, glucose.source)
    shown, size = shown_glucose(glucose), days.size * 24

    def total(weight: NDArray[np.float64]) -> NDArray[np.float64]:
        table: NDArray[np.float64] = np.bincount(cell, weight, size).astype(np.float64).reshape(-1, 24)
        return table

    def in_episodes(beyond: NDArray[np.bool_]) -> NDArray[np.float64]:
        inside = np.zeros(len(glucose), bool)
        for first, last in episode_spans(glucose.at_ms, minutes, beyond):
            inside[first : last + 1] = True
        return total(minutes * (inside & beyond))

    lowest = np.full(size, np.inf)
    np.minimum.at(lowest, cell, glucose.value)
    count = np.bincount(cell, minlength=size).reshape(-1, 24)
    mean = np.divide(total(glucose.value), count, out=np.full(count.shape, np.nan), where=count > 0)
    return HourlyGlucose(
        measured=total(minutes),
        low=in_episodes(shown.below(LOW)),
        very_low=in_episodes(shown.below(VERY_LOW)),
        high=total(minutes * shown.above(HIGH)),
        very_high=total(minutes * shown.above(VERY_HIGH)),
        lowest_mgdl=np.where(np.isinf(lowest), np.nan, lowest).reshape(-1, 24),
        mean_mgdl=mean,
    )
