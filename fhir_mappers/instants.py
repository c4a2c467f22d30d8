"""Many FHIR instants at once: the four fixed widths in common use, parsed as columns of digits.

Sits beside `timing`, which parses every other form; what this cannot read it leaves to `timing`.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fhir_mappers.timing import MS_PER_DAY, MS_PER_MINUTE
from models.time_series import UNKNOWN_OFFSET

SECONDS_WIDTH: Final = 19
"""`2024-05-02T10:15:00`; then an optional `.123`, then `Z` or `+02:00`."""

FRACTION_WIDTH: Final = 4
WIDTHS: Final = (20, 24, 25, 29)
DIGITS: Final = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
SEPARATORS: Final = ((4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"))
DAYS_BEFORE_1970: Final = 719_468
"""Days from 0000-03-01 to 1970-01-01 in the proleptic Gregorian calendar."""

DAYS_IN_MONTH: Final = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])

Columns = tuple[NDArray[np.int64], NDArray[np.int16], NDArray[np.bool_]]


def parse_instants(texts: Sequence[str]) -> Columns:
    """UTC ms, local offset in minutes (`UNKNOWN_OFFSET` for Z and -00:00), and which were readable."""
    at_ms = np.zeros(len(texts), np.int64)
    offset = np.full(len(texts), UNKNOWN_OFFSET, np.int16)
    readable = np.zeros(len(texts), np.bool_)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    for width in WIDTHS:
        (here,) = np.nonzero(lengths == width)
        if here.size:
            same = texts if here.size == len(texts) else [texts[i] for i in here.tolist()]
            joined = "".join(same).encode("ascii", "replace")
            characters = np.frombuffer(joined, np.uint8).reshape(here.size, width)
            at_ms[here], offset[here], readable[here] = _parse(characters)
    return at_ms, offset, readable


def _parse(text: NDArray[np.uint8]) -> Columns:
    """Texts of one width: digits, separators and signs stand at fixed places, or the text is unreadable."""
    width = text.shape[1]
    zone_at = SECONDS_WIDTH + (FRACTION_WIDTH if width in (24, 29) else 0)
    digits = [*DIGITS, *(range(20, 23) if zone_at > SECONDS_WIDTH else ())]
    places = [*SEPARATORS, *([(19, ".")] if zone_at > SECONDS_WIDTH else [])]
    number = text.astype(np.int32) - ord("0")
    good = np.logical_and.reduce([text[:, place] == ord(mark) for place, mark in places])
    good &= ((number[:, digits] >= 0) & (number[:, digits] <= 9)).all(axis=1)

    def two(place: int) -> NDArray[np.int32]:
        return number[:, place] * 10 + number[:, place + 1]

    year, month, day = two(0) * 100 + two(2), two(5), two(8)
    hour, minute, second = two(11), two(14), two(17)
    good &= (month >= 1) & (month <= 12) & (hour <= 23) & (minute <= 59) & (second <= 59)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    good &= (day >= 1) & (day <= DAYS_IN_MONTH[np.clip(month, 0, 12)] + (leap & (month == 2)))
    at_ms = ((hour * 60 + minute) * 60 + second).astype(np.int64) * 1000 + _days(
        year, month, day
    ) * MS_PER_DAY
    if zone_at > SECONDS_WIDTH:
        at_ms += number[:, 20] * 100 + two(21)
    offset, known, zone_good = _offsets(text, number, zone_at)
    shift = np.where(known, offset, 0).astype(np.int64) * MS_PER_MINUTE
    return at_ms - shift, np.where(known, offset, UNKNOWN_OFFSET).astype(np.int16), good & zone_good


def _offsets(
    text: NDArray[np.uint8], number: NDArray[np.int32], place: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Minutes east of UTC, whether the local hour is known at all, and whether the zone could be read."""
    rows = text.shape[0]
    if text.shape[1] == place + 1:
        return np.zeros(rows, np.int32), np.zeros(rows, np.bool_), text[:, place] == ord("Z")
    west = text[:, place] == ord("-")
    hours = number[:, place + 1] * 10 + number[:, place + 2]
    minutes = number[:, place + 4] * 10 + number[:, place + 5]
    size = hours * 60 + minutes
    digits = number[:, [place + 1, place + 2, place + 4, place + 5]]
    good = (west | (text[:, place] == ord("+"))) & (text[:, place + 3] == ord(":")) & (hours <= 14)
    good &= (minutes <= 59) & ((digits >= 0) & (digits <= 9)).all(axis=1)
    return np.where(west, -size, size), ~(west & (size == 0)), good


def _days(year: NDArray[np.int32], month: NDArray[np.int32], day: NDArray[np.int32]) -> NDArray[np.int64]:
    """Days since 1970-01-01 (days_from_civil, H. Hinnant, chrono-compatible low-level date algorithms)."""
    shifted = year.astype(np.int64) - (month <= 2)
    era, year_of_era = shifted // 400, shifted % 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days: NDArray[np.int64] = (
        era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    )
    return days - DAYS_BEFORE_1970
