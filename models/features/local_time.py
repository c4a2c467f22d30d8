"""The patient's wall clock: minutes of the day and calendar days of UTC instants.

Sits under every feature that speaks of a time of day; without a zone there is none.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from models.assessment import Reason, ReasonCode
from models.features.sampling import DAY_MS, MINUTE_MS, distinct

MINUTES_PER_DAY: Final = 1440
STEP_MS: Final = 15 * MINUTE_MS
"""Offsets change on quarter hours in every zone in use since 1972."""


def zone_of(name: str | None) -> ZoneInfo | Reason:
    """The IANA zone of this name, or why times of day cannot be told."""
    if not name:
        text = "The patient's time zone is not known, so times of day are not assessed."
        return Reason(ReasonCode.MISSING, "time_zone", text)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        text = "The patient's time zone is not one that exists, so times of day are not assessed."
        return Reason(ReasonCode.IMPLAUSIBLE, "time_zone", text)


def local_ms(at_ms: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """Milliseconds since 1970-01-01 00:00 on the wall clock, int64[n]; `at_ms` in any order."""
    utc_day = at_ms // DAY_MS
    day = distinct(utc_day)
    where = np.searchsorted(day, utc_day)
    midnight = np.union1d(day, day + 1)
    at_midnight = np.array([_offset_ms(int(start) * DAY_MS, zone) for start in midnight], np.int64)
    before, after = (at_midnight[np.searchsorted(midnight, edge)] for edge in (day, day + 1))
    offset = before[where]
    for changed in np.flatnonzero(before != after):
        mine = where == changed
        offset[mine] = _offsets_by_step(at_ms[mine], zone)
    return at_ms + offset


def minute_of_day(at_ms: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """Minute of the local day, 0 to 1439, int64[n]."""
    return local_ms(at_ms, zone) % DAY_MS // MINUTE_MS


def local_day(at_ms: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """Number of the local calendar day since 1970-01-01, int64[n]."""
    return local_ms(at_ms, zone) // DAY_MS


def instant_ms(day: int, minute: int, zone: ZoneInfo) -> int:
    """UTC instant of a local day number and minute of day; the earlier one where the clock repeats it."""
    wall = datetime(1970, 1, 1, tzinfo=zone) + timedelta(days=day, minutes=minute)
    return round(wall.timestamp() * 1000)


@lru_cache(maxsize=8192)
def _offset_ms(at_ms: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).utcoffset()
    return int((offset or timedelta()) / timedelta(milliseconds=1))


def _offsets_by_step(at_ms: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    step, where = np.unique(at_ms // STEP_MS, return_inverse=True)
    return np.array([_offset_ms(int(s) * STEP_MS, zone) for s in step], np.int64)[where]
