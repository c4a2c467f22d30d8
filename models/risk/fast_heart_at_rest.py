"""Hours in which the heart raced although the patient's own heart is slow at that time of day.

One check of the vital-signs review: bursts of hours that a median over days would hide.
"""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models.assessment import Input, Reason, ReasonCode
from models.features.baseline import Baseline, baseline_of
from models.features.daily_values import main_source
from models.features.grouped_median import grouped_medians
from models.features.local_time import minute_of_day
from models.features.sampling import DAY_MS, MINUTE_MS
from models.preprocess.copies import lowest_per_instant
from models.risk.vital_comparison import Answer, Comparison, Level, Urgency, assessed, not_assessed
from models.time_series import TimeSeries

LOOKED_BACK_DAYS: Final = 3
RESTING_HOURS: Final = 8
"""The eight hours of the day in which this patient's heart is slowest: usually the sleep."""

REST_RUN_HOURS: Final = 2
ANY_RUN_HOURS: Final = 4
LEAST_RISE_PER_MIN: Final = 25.0
LEAST_SPREADS: Final = 4.0
TYPICAL_SPREAD_PER_MIN: Final = 4.0
"""Two hours of rest, or four hours at any time (longer than most exercise), each 25 /min and four spreads
above the usual of the hour; a spread is never taken below 4 /min (our judgement)."""

HOUR_MS: Final = 60 * MINUTE_MS
LABEL: Final = "Hours of fast heart rate"
ABOUT: Final = "heart_rate_at_rest"
SOURCE: Final = (
    "own baseline: median and MAD by hour of 28 days; 2 hours of rest or 4 of any 25 /min above it"
)


@dataclass(frozen=True, slots=True)
class MeasuredHours:
    """Hours with readings and a baseline, oldest first, arrays of length m.

    `start_ms` int64 is when each begins, `rate_per_min` its median, `usual_per_min` the usual median of that
    hour of the day, `distance` how many spreads it is above, `rest` whether it is a usual hour of rest.
    """

    start_ms: NDArray[np.int64]
    rate_per_min: NDArray[np.float64]
    usual_per_min: NDArray[np.float64]
    distance: NDArray[np.float64]
    rest: NDArray[np.bool_]

    def worst_run(self) -> tuple[float, slice]:
        """The highest distance that a run of hours holds throughout, and those hours; 0 without a run.

        One hour without readings does not break a run.
        """
        best, where = 0.0, slice(0, 0)
        held = np.where(self.rate_per_min - self.usual_per_min >= LEAST_RISE_PER_MIN, self.distance, 0.0)
        for hours, counted in ((REST_RUN_HOURS, self.rest), (ANY_RUN_HOURS, np.ones(held.size, bool))):
            for first in range(held.size - hours + 1):
                run = slice(first, first + hours)
                joined = self.start_ms[run][-1] - self.start_ms[first] <= hours * HOUR_MS
                if joined and counted[run].all() and held[run].min() > best:
                    best, where = float(held[run].min()), run
        return best, where


def assess_rest(heart_rate: TimeSeries | None, clock: ZoneInfo, as_of_ms: int) -> Answer:
    """The hours of the last three days against the own four weeks before them."""
    if heart_rate is None or not len(heart_rate):
        text = f"{LABEL}: none in the data received"
        return not_assessed(ReasonCode.MISSING, ABOUT, text, as_of_ms)
    hours = measured_hours(heart_rate, clock, as_of_ms)
    if isinstance(hours, Reason) or hours.start_ms.size < ANY_RUN_HOURS:
        why = f"7 days with heart rate by the hour are needed, and {ANY_RUN_HOURS} hours of the last 3 days"
        return not_assessed(ReasonCode.SPARSE, ABOUT, f"{LABEL}: {why}", as_of_ms)
    newest = Input(ABOUT, float(heart_rate.value[-1]), "/min", int(heart_rate.at_ms[-1]))
    details = {"spreads": hours.worst_run()[0]}
    return assessed(_comparison(hours), as_of_ms, (newest,), details=details)


def measured_hours(heart_rate: TimeSeries, clock: ZoneInfo, as_of_ms: int) -> MeasuredHours | Reason:
    """The measured hours of the last three days, or why there is no baseline."""
    since_ms = as_of_ms - LOOKED_BACK_DAYS * DAY_MS
    mine = lowest_per_instant(main_source(heart_rate, clock)).series
    own = baseline_of(mine, since_ms, clock.key)
    if isinstance(own, Reason):
        return own
    recent = mine.between(since_ms, as_of_ms)
    medians = grouped_medians(recent.at_ms // HOUR_MS, recent.value)
    start_ms = medians.group * HOUR_MS
    hour = minute_of_day(start_ms, clock) // 60
    known = ~np.isnan(own.median[hour])
    start_ms, rate, hour = start_ms[known], medians.median[known], hour[known]
    usual, spread = own.median[hour], np.maximum(own.spread[hour], TYPICAL_SPREAD_PER_MIN)
    return MeasuredHours(start_ms, rate, usual, (rate - usual) / spread, np.isin(hour, _slowest(own)))


def _slowest(own: Baseline) -> NDArray[np.int64]:
    """The hours with the lowest medians among those that have one."""
    known = np.flatnonzero(~np.isnan(own.median))
    return known[np.argsort(own.median[known], kind="stable")][:RESTING_HOURS]


def _comparison(hours: MeasuredHours) -> Comparison:
    distance, run = hours.worst_run()
    found = distance >= LEAST_SPREADS
    rate, usual = (hours.rate_per_min[run], hours.usual_per_min[run]) if found else (
        hours.rate_per_min, hours.usual_per_min,
    )  # fmt: skip
    return Comparison(
        name="fast_heart_at_rest",
        kind="report",
        label=LABEL,
        unit="/min",
        decimals=0,
        now=Level(float(np.median(rate)), float(rate.min()), float(rate.max()), int(rate.size), "hours"),
        usual=Level(float(np.median(usual)), None, None, 0, ""),
        usual_is="own median of these hours",
        urgency=Urgency.SOON if found else None,
        says=_says(rate, usual) if found else "no finding",
        since_ms=int(hours.start_ms[run][0]) if found else None,
        since_or_before=False,
        statistic=f"{distance:.1f} spreads, limit {LEAST_SPREADS:.0f}",
        source=SOURCE,
    )


def _says(rate: NDArray[np.float64], usual: NDArray[np.float64]) -> str:
    return f"Heart rate {np.median(rate):.0f} /min for {rate.size} h, usual then {np.median(usual):.0f}"
