"""Glucose by local day and hour of the day: the table that patterns are read from.

Sits between the readings and the named patterns.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models.features.bands import USUAL_RANGE, VERY_HIGH, VERY_LOW, GlucoseRange, shown_glucose
from models.features.episodes import episode_spans
from models.features.local_time import local_ms
from models.features.sampling import MINUTE_MS, distinct, reading_minutes
from models.time_series import TimeSeries

HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class HourlyGlucose:
    """Minutes of glucose by local day (rows, only days with a reading) and hour (24 columns), float64.

    `day` numbers the rows, local days since 1970. `measured` is all time with a reading, `low` and `very_low`
    the part inside episodes, `high` and `very_high` the part above the limit; `lowest_mgdl` and `mean_mgdl`
    are NaN without a reading.
    """

    day: NDArray[np.int64]
    measured: NDArray[np.float64]
    low: NDArray[np.float64]
    very_low: NDArray[np.float64]
    high: NDArray[np.float64]
    very_high: NDArray[np.float64]
    lowest_mgdl: NDArray[np.float64]
    mean_mgdl: NDArray[np.float64]

    def from_hour(self, hour: int) -> "HourlyGlucose":
        """The table of days that begin at `hour` (1 to 23): what crosses midnight is one piece."""
        first = int(self.day[0]) - 1
        days = np.arange(first, int(self.day[-1]) + 1)
        measured = self._turned(self.measured, hour, 0.0)
        kept = measured.any(axis=1)

        def turned(values: NDArray[np.float64], empty: float = 0.0) -> NDArray[np.float64]:
            return self._turned(values, hour, empty)[kept]

        return HourlyGlucose(
            day=days[kept],
            measured=measured[kept],
            low=turned(self.low),
            very_low=turned(self.very_low),
            high=turned(self.high),
            very_high=turned(self.very_high),
            lowest_mgdl=turned(self.lowest_mgdl, np.nan),
            mean_mgdl=turned(self.mean_mgdl, np.nan),
        )

    def _turned(self, values: NDArray[np.float64], hour: int, empty: float) -> NDArray[np.float64]:
        """Rows from the day before the first to the last, days without a reading included."""
        row = self.day - self.day[0] + 1
        every = np.full((int(row[-1]) + 2, 24), empty)
        every[row] = values
        return every.ravel()[hour : hour - 24].reshape(-1, 24)


def hourly_glucose(glucose: TimeSeries, clock: ZoneInfo, limits: GlucoseRange = USUAL_RANGE) -> HourlyGlucose:
    """The table of a series; an hour that the clock repeats counts up to 120 minutes."""
    too_low, too_high = limits
    wall_ms = local_ms(glucose.at_ms, clock)
    hour = wall_ms // HOUR_MS
    days = distinct(hour // 24)
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
        day=days,
        measured=total(minutes),
        low=in_episodes(shown.below(too_low)),
        very_low=in_episodes(shown.below(VERY_LOW)),
        high=total(minutes * shown.above(too_high)),
        very_high=total(minutes * shown.above(VERY_HIGH)),
        lowest_mgdl=np.where(np.isinf(lowest), np.nan, lowest).reshape(-1, 24),
        mean_mgdl=mean,
    )
