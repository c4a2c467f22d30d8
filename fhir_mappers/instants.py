"""Many FHIR instants at once: the four fixed widths in common use, parsed as columns of digits.

Sits beside `timing`, which parses every other form; what this cannot read it leaves to `timing`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fhir_mappers.timing import MS_PER_DAY, MS_PER_MINUTE
from models.time_series import UNKNOWN_OFFSET

FORMS: Final = (
    b"0000-00-00T00:00:00Z",
    b"0000-00-00T00:00:00.000Z",
    b"0000-00-00T00:00:00+00:00",
    b"0000-00-00T00:00:00.000+00:00",
)
"""The forms in common use, each of its own width; 0 stands for any digit, + for a sign."""

MILLISECONDS_AT: Final = 20
PLACES: Final = ((0, 4), (5, 2), (8, 2), (11, 2), (14, 2), (17, 2))
"""Where year, month, day, hour, minute and second stand, and how many digits they have."""

MINUS: Final = ord("-") - ord("+")
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
    for form in FORMS:
        (here,) = np.nonzero(lengths == len(form))
        if here.size:
            same = texts if here.size == len(texts) else [texts[i] for i in here.tolist()]
            characters = np.frombuffer("".join(same).encode("ascii", "replace"), np.uint8)
            at_ms[here], offset[here], readable[here] = _parse(characters.reshape(-1, len(form)), form)
    return at_ms, offset, readable


def _parse(characters: NDArray[np.uint8], form: bytes) -> Columns:
    """Texts of one form. Less the form itself, digits are 0 to 9, separators 0, and a sign 0 or 2."""
    template = np.frombuffer(form, np.uint8)
    most = np.select([template == ord("0"), template == ord("+")], [9, MINUS], 0).astype(np.uint8)
    digits = characters - template
    fits = digits <= most
    good = np.ones(len(digits), np.bool_) if fits.all() else fits.all(axis=1)
    places = [*PLACES, *([(MILLISECONDS_AT, 3)] if b"." in form else [])]
    sign_at = form.find(b"+")
    if sign_at > 0:
        places += [(sign_at + 1, 2), (sign_at + 4, 2)]
    numbers = (digits.astype(np.float32) @ _weights(tuple(places), len(form))).astype(np.int32)
    year, month, day, hour, minute, second = columns = np.ascontiguousarray(numbers.T)[:6]
    good &= _is_date_and_time(columns)
    at_ms = ((hour * 60 + minute) * 60 + second).astype(np.int64) * 1000 + _days(
        year, month, day
    ) * MS_PER_DAY
    if b"." in form:
        at_ms += numbers[:, 6]
    if sign_at < 0:
        return at_ms, np.full(len(digits), UNKNOWN_OFFSET, np.int16), good
    west, size = digits[:, sign_at] == MINUS, numbers[:, -2] * 60 + numbers[:, -1]
    good &= (west | (digits[:, sign_at] == 0)) & (numbers[:, -2] <= 14) & (numbers[:, -1] <= 59)
    offset = np.where(west, -size, size)
    hidden = west & (size == 0)
    return at_ms - offset * MS_PER_MINUTE, np.where(hidden, UNKNOWN_OFFSET, offset).astype(np.int16), good


@cache
def _weights(places: tuple[tuple[int, int], ...], width: int) -> NDArray[np.float32]:
    """The matrix that turns rows of digits into numbers: a power of ten at each place of each number."""
    weights = np.zeros((width, len(places)), np.float32)
    for number, (start, count) in enumerate(places):
        weights[start : start + count, number] = 10.0 ** np.arange(count - 1, -1, -1)
    return weights


def _is_date_and_time(columns: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether the numbers name a day and a second of it; leap seconds are left to `timing`."""
    year, month, day, hour, minute, second = columns
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days = DAYS_IN_MONTH[np.clip(month, 0, 12)] + (leap & (month == 2))
    calendar = (month >= 1) & (month <= 12) & (day >= 1) & (day <= days)
    good: NDArray[np.bool_] = calendar & (hour <= 23) & (minute <= 59) & (second <= 59)
    return good


def _days(year: NDArray[np.int32], month: NDArray[np.int32], day: NDArray[np.int32]) -> NDArray[np.int64]:
    """Days since 1970-01-01 (days_from_civil, H. Hinnant, chrono-compatible low-level date algorithms)."""
    shifted = year.astype(np.int64) - (month <= 2)
    era, year_of_era = shifted // 400, shifted % 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days: NDArray[np.int64] = (
        era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    )
    return days - DAYS_BEFORE_1970
