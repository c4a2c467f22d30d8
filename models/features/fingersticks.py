"""Review of glucose from a meter alone: shares of readings, which are never time in range.

Stands in for the CGM review where there is no sensor; the glucose review reads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.assessment import Reason
from models.features.bands import HIGH, LOW, VERY_HIGH, VERY_LOW, ShownGlucose, shown_glucose
from models.features.fasting import FastingInputs, FastingValue, fasting_values
from models.features.glycemic import REPORT_DAYS
from models.features.local_time import minute_of_day, zone_of
from models.features.sampling import DAY_MS
from models.preprocess.copies import lowest_per_instant
from models.time_series import TimeSeries

# There is no consensus on how many fingersticks make a review; our judgement is one reading a day on
# average, spread over half of the days.
READINGS_NEEDED: Final = 14
DAYS_NEEDED: Final = 7

BLOCKS: Final = (("night", 0, 6), ("morning", 6, 11), ("afternoon", 11, 17), ("evening", 17, 24))
"""Night is 00:00-05:59 (Danne 2017); the others part the day at usual meals (our judgement)."""


@dataclass(frozen=True, slots=True)
class ReadingShares:
    """Counts and shares of meter readings; shares are percent of readings, None without a reading."""

    readings: int
    mean_mgdl: float | None
    below_70_percent: float | None
    below_54_percent: float | None
    above_180_percent: float | None
    above_250_percent: float | None


@dataclass(frozen=True, slots=True)
class FingerstickReview:
    """Meter readings of the window (start, end]. `by_block` is keyed night, morning, afternoon, evening.

    `days_with_readings` counts 24-hour days back from the end. `fasting` holds all fasting values of the
    window; it and `by_block` are a reason instead where the zone is not known.
    """

    window_start_ms: int
    window_end_ms: int
    newest_ms: int | None
    removed: Mapping[str, int]
    days_with_readings: int
    readings_per_day: float
    overall: ReadingShares
    lowest_mgdl: float | None
    highest_mgdl: float | None
    newest_low_ms: int | None
    by_block: dict[str, ReadingShares] | Reason
    fasting: tuple[FastingValue, ...] | Reason
    sufficient: bool
    why_not: str | None


def fingerstick_review(
    meter: TimeSeries, as_of_ms: int, days: int = REPORT_DAYS, zone: str | None = None
) -> FingerstickReview:
    """The review of the `days` before `as_of_ms`; of readings at one instant the lowest counts."""
    start_ms = as_of_ms - days * DAY_MS
    cleaned = lowest_per_instant(meter.between(start_ms, as_of_ms))
    window = cleaned.series
    shown = shown_glucose(window)
    lows = window.at_ms[shown.below(LOW)]
    with_readings = int(np.unique((as_of_ms - window.at_ms) // DAY_MS).size)
    why_not = _why_not(len(window), with_readings, days)
    return FingerstickReview(
        window_start_ms=start_ms,
        window_end_ms=as_of_ms,
        newest_ms=window.newest_ms,
        removed=cleaned.removed,
        days_with_readings=with_readings,
        readings_per_day=len(window) / days,
        overall=_shares(window, shown, np.ones(len(window), bool)),
        lowest_mgdl=float(window.value.min()) if len(window) else None,
        highest_mgdl=float(window.value.max()) if len(window) else None,
        newest_low_ms=int(lows[-1]) if lows.size else None,
        by_block=_by_block(window, shown, zone),
        fasting=fasting_values(FastingInputs(meter=window), as_of_ms, zone, days),
        sufficient=why_not is None,
        why_not=why_not,
    )


def _shares(window: TimeSeries, shown: ShownGlucose, chosen: NDArray[np.bool_]) -> ReadingShares:
    count = int(np.count_nonzero(chosen))
    if not count:
        return ReadingShares(0, None, None, None, None, None)

    def percent(beyond: NDArray[np.bool_]) -> float:
        return float(100 * np.count_nonzero(beyond & chosen) / count)

    return ReadingShares(
        readings=count,
        mean_mgdl=float(window.value[chosen].mean()),
        below_70_percent=percent(shown.below(LOW)),
        below_54_percent=percent(shown.below(VERY_LOW)),
        above_180_percent=percent(shown.above(HIGH)),
        above_250_percent=percent(shown.above(VERY_HIGH)),
    )


def _by_block(window: TimeSeries, shown: ShownGlucose, zone: str | None) -> dict[str, ReadingShares] | Reason:
    clock = zone_of(zone)
    if isinstance(clock, Reason):
        return clock
    hour = minute_of_day(window.at_ms, clock) // 60
    return {name: _shares(window, shown, (hour >= start) & (hour < end)) for name, start, end in BLOCKS}


def _why_not(readings: int, days_with_readings: int, days: int) -> str | None:
    if readings >= READINGS_NEEDED and days_with_readings >= DAYS_NEEDED:
        return None
    noun = "reading" if readings == 1 else "readings"
    return (
        f"{readings} meter {noun} on {days_with_readings} of the last {days} days; "
        f"{READINGS_NEEDED} on {DAYS_NEEDED} days are needed"
    )
