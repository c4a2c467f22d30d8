"""Low oxygen saturation at night: nights of which a large part was below 90 %.

One check of the vital-signs review. A screening of a wearable's readings, not a sleep study.
"""

from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.assessment import Input, ReasonCode
from models.features.daily_values import main_source
from models.features.local_time import instant_ms, local_ms
from models.features.night import NIGHT_HOURS
from models.features.oxygen import FEWEST_READINGS, LOW_PERCENT
from models.features.sampling import DAY_MS, MINUTE_MS
from models.preprocess.copies import lowest_per_instant
from models.risk.change_point import BASELINE_DAYS, RECENT_DAYS
from models.risk.vital_comparison import Answer, Comparison, Level, Urgency, assessed, not_assessed
from models.time_series import TimeSeries

LOW_SHARE_PERCENT: Final = 30.0
"""A night is low with 30 % of its time below 90 % (Lacasse et al., N Engl J Med 2020;383:1129)."""

LOW_NIGHTS: Final = 2
"""Said when seen on two nights: one may be a loose sensor (our judgement)."""

FEWEST_NIGHTS: Final = 3
SOURCE: Final = "30 % of the night below 90 % (Lacasse 2020, N Engl J Med 383:1129), as a share of readings"
ABOUT: Final = "nocturnal_spo2"


def assess_nights(spo2: TimeSeries | None, clock: ZoneInfo, as_of_ms: int) -> Answer:
    """Readings from 00:00 to 05:59 of the last week's nights; each needs ten of them."""
    past = None if spo2 is None else spo2.between(as_of_ms - (BASELINE_DAYS + RECENT_DAYS) * DAY_MS, as_of_ms)
    if past is None or not len(past):
        return not_assessed(
            ReasonCode.MISSING, ABOUT, "Oxygen saturation at night: none in 28 days", as_of_ms
        )
    night, share = _low_share_percent(main_source(past, clock), clock)
    today = int(local_ms(np.array([as_of_ms]), clock)[0] // DAY_MS)
    recent = night > today - RECENT_DAYS
    low = recent & (share >= LOW_SHARE_PERCENT)
    seen = int(np.count_nonzero(low))
    if seen < LOW_NIGHTS and np.count_nonzero(recent) < FEWEST_NIGHTS:
        text = (
            f"Nights: {np.count_nonzero(recent)} of the last {RECENT_DAYS} with {FEWEST_READINGS} readings "
            f"of oxygen saturation; {FEWEST_NIGHTS} are needed"
        )
        return not_assessed(ReasonCode.SPARSE, ABOUT, text, as_of_ms)
    comparison = _comparison(night, share, recent, low, clock)
    newest = Input(signals.SPO2, float(past.value[-1]), "%", int(past.at_ms[-1]))
    return assessed(comparison, as_of_ms, (newest,))


def _low_share_percent(spo2: TimeSeries, clock: ZoneInfo) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Local day of each measured night, int64[k], and the percent of its readings below 90 %, float64[k]."""
    single = lowest_per_instant(spo2).series
    wall_ms = local_ms(single.at_ms, clock)
    at_night = wall_ms % DAY_MS < NIGHT_HOURS.stop * 60 * MINUTE_MS
    night, where, readings = np.unique(wall_ms[at_night] // DAY_MS, return_inverse=True, return_counts=True)
    below = np.bincount(where, single.value[at_night] < LOW_PERCENT, night.size)
    enough = readings >= FEWEST_READINGS
    return night[enough], 100 * below[enough] / readings[enough]


def _comparison(
    night: NDArray[np.int64],
    share: NDArray[np.float64],
    recent: NDArray[np.bool_],
    low: NDArray[np.bool_],
    clock: ZoneInfo,
) -> Comparison:
    found = np.count_nonzero(low) >= LOW_NIGHTS
    now, before = share[low if found else recent], share[~recent]
    return Comparison(
        name="nocturnal_desaturation",
        kind="target",
        label="Night time below 90 % saturation",
        unit="%",
        decimals=0,
        now=_level(now),
        usual=_level(before) if before.size else None,
        usual_is="earlier nights",
        urgency=Urgency.SOON if found else None,
        says=f"{np.count_nonzero(low)} of {np.count_nonzero(recent)} nights low" if found else "no finding",
        since_ms=instant_ms(int(night[low][0]), 0, clock) if found else None,
        since_or_before=bool(found and (not before.size or before[-1] >= LOW_SHARE_PERCENT)),
        statistic=f"low: {LOW_SHARE_PERCENT:.0f} % of a night's readings below {LOW_PERCENT:.0f} %",
        source=SOURCE,
    )


def _level(share: NDArray[np.float64]) -> Level:
    return Level(float(np.median(share)), float(share.min()), float(share.max()), int(share.size), "nights")
