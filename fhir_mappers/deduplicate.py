"""One reading where the same one came more than once: copies, corrections, second streams, second sensors.

Works on the columns of one signal. Only neighbours in time are compared, so a record without copies costs
one sort. Every choice follows from the readings themselves, never from the order in which they came.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fhir_mappers.columns import Books, Columns
from fhir_mappers.site import Site
from fhir_mappers.timing import MS_PER_DAY, MS_PER_MINUTE, MS_PER_SECOND

PAIRED: Final = frozenset({"sbp", "dbp", "map", "sbp_mean", "dbp_mean"})
"""Values of one measurement: they are copies only together, so whole resources are compared instead."""

USUAL_INTERVAL_MS: Final = 5 * MS_PER_MINUTE
LONGEST_INTERVAL_MS: Final = 15 * MS_PER_MINUTE
"""CGM reports every 1, 5 or 15 minutes."""

STEP_MS: Final = 30 * MS_PER_SECOND
COPY_MS: Final = 30 * MS_PER_SECOND
"""Closer than this, two sources report the same sensor minute: phone and watch are 9 to 10 s apart."""

CONFLICT_FRACTION: Final = 0.20
CONFLICT_MGDL: Final = 20.0
"""Two reports of one moment that differ by more conflict (safety_security.md H-10)."""

METER_COPY_MS: Final = 500
"""A meter reading with the value of a CGM reading this close is a re-export (Tidepool's rule)."""

DISPLAY_STEP_MGDL: Final = 0.1 * 18.0156
"""One display step of mmol/L: the same reading in the other unit is at most this far, rounded or cut."""

LONGEST_DAY_MS: Final = 25 * 60 * MS_PER_MINUTE
"""The day on which the clock goes back."""

Lost = tuple[int, str]
"""The reference number of a row that went, and why."""

Updated = Callable[[int], int]
"""When the resource behind a reference number was last updated, 0 where unknown."""


@dataclass(slots=True)
class Choice:
    """Which rows of a signal stay; why the others went; and flags for rows that stay."""

    keep: NDArray[np.bool_]
    reasons: dict[int, str] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def drop(self, row: int, reason: str) -> None:
        """Leaves one row out."""
        self.keep[row] = False
        self.reasons[row] = reason


@dataclass(frozen=True, slots=True)
class Unique:
    """The rows that stay, and what went."""

    columns: Columns
    lost: tuple[Lost, ...]


def deduplicate(columns: Columns, books: Books, updated: Updated, site: Site) -> Unique:
    """The rows of one signal without copies, corrected versions and overlapping streams."""
    order = _order(columns, books, updated)
    columns = columns if order is None else columns.take(order)
    choice = Choice(np.ones(len(columns), np.bool_))
    if columns.signal not in PAIRED:
        _drop_copies(columns, updated, choice)
    if columns.signal == "glucose_cgm":
        _keep_one_stream(columns, books, updated, site, choice)
    if columns.signal == "steps":
        _keep_one_source_a_day(columns, books, choice)
        _keep_longest_intervals(columns, updated, choice)
    return _apply(choice, columns, books)


def without_meter_copies(meter: Columns, sensor: Columns, books: Books) -> Unique:
    """Fingersticks without those that repeat a CGM reading: the same value within half a second."""
    sensor = sensor.take(np.argsort(sensor.at_ms, kind="stable"))
    first = np.searchsorted(sensor.at_ms, meter.at_ms - METER_COPY_MS, side="left")
    last = np.searchsorted(sensor.at_ms, meter.at_ms + METER_COPY_MS, side="right")
    choice = Choice(np.ones(len(meter), np.bool_))
    for row in np.nonzero(last > first)[0].tolist():
        near = slice(first[row], last[row])
        same_unit = sensor.native_unit[near] == meter.native_unit[row]
        same_number = sensor.native_value[near] == meter.native_value[row]
        close = np.abs(sensor.value[near] - meter.value[row]) <= DISPLAY_STEP_MGDL
        if np.where(same_unit, same_number, close).any():
            choice.drop(row, "smbg_copy_of_cgm")
    return _apply(choice, meter, books)


def _order(columns: Columns, books: Books, updated: Updated) -> NDArray[np.int64] | None:
    """By time and value, equals with the newest upload first, then by reference. None if in order already."""
    at_ms = columns.at_ms
    if np.all(at_ms[1:] > at_ms[:-1]):
        return None
    order = np.lexsort((columns.native_value, columns.until_ms, at_ms))
    tied = np.nonzero(at_ms[order][1:] == at_ms[order][:-1])[0]
    if not tied.size:
        return order
    ranks = np.zeros(len(columns), np.int64)
    rows = order[np.unique(np.concatenate([tied, tied + 1]))].tolist()
    by_age = sorted(rows, key=lambda row: age_key(columns, row, books, updated))
    ranks[by_age] = np.arange(len(by_age))
    return np.lexsort((ranks, columns.native_value, columns.until_ms, at_ms))


def age_key(columns: Columns, row: int, books: Books, updated: Updated) -> tuple[int, str]:
    reference = int(columns.reference[row])
    return -updated(reference), books.references[reference]


def _drop_copies(columns: Columns, updated: Updated, choice: Choice) -> None:
    """The same value at the same time is one reading; another value of the same stream at the same time is an
    older version if it was uploaded earlier.
    """
    same = (columns.at_ms[1:] == columns.at_ms[:-1]) & (columns.until_ms[1:] == columns.until_ms[:-1])
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in np.unique(np.concatenate([np.nonzero(same)[0], np.nonzero(same)[0] + 1])).tolist():
        groups[int(columns.at_ms[row]), int(columns.until_ms[row])].append(row)
    for rows in groups.values():
        kept: dict[object, int] = {}
        for row in rows:
            if kept.setdefault(_said(columns, row), row) != row:
                choice.drop(row, "duplicate")
        _drop_older_versions(columns, updated, kept.values(), choice)


def _said(columns: Columns, row: int) -> tuple[object, ...]:
    """What a reading says, by which it equals another; a number that is none equals nothing."""
    said = (columns.native_value, columns.native_unit, columns.value, columns.censored)
    return tuple(column[row].item() for column in said)


def _drop_older_versions(columns: Columns, updated: Updated, rows: Iterable[int], choice: Choice) -> None:
    by_source: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        by_source[int(columns.source[row])].append(row)
    for versions in by_source.values():
        ages = {row: updated(int(columns.reference[row])) for row in versions}
        newest = max(ages.values())
        for row in versions:
            if ages[row] < newest:
                choice.drop(row, "superseded")


def _keep_one_stream(columns: Columns, books: Books, updated: Updated, site: Site, choice: Choice) -> None:
    """At most one CGM reading in half an interval: each source fills what better ones left open."""
    rows = np.nonzero(choice.keep)[0]
    if len(rows) < 2 or not _crowded(columns, rows):
        return
    accepted: list[tuple[int, int]] = []
    half_ms = 0
    for source in _ranked_sources(columns, rows, books, site):
        own = rows[columns.source[rows] == source].tolist()
        half_ms = max(half_ms, interval_ms(columns.at_ms[own]) // 2)
        for row in sorted(own, key=lambda r: (int(columns.at_ms[r]), age_key(columns, r, books, updated))):
            near = _nearest(accepted, int(columns.at_ms[row]), half_ms)
            if near is None:
                insort(accepted, (int(columns.at_ms[row]), row))
            else:
                _mark(columns, row, near, choice)


def _crowded(columns: Columns, rows: NDArray[np.int64]) -> bool:
    """Whether any two readings are as close as half the interval of the slowest stream."""
    at_ms, source = columns.at_ms[rows], columns.source[rows]
    slowest_ms = max(interval_ms(at_ms[source == one]) for one in np.unique(source))
    return bool(np.any(np.diff(at_ms) * 2 <= slowest_ms))


def interval_ms(at_ms: NDArray[np.int64]) -> int:
    """The usual time between readings of one stream: its commonest step to the half minute, copies aside."""
    steps = np.diff(at_ms)
    steps = steps[steps > COPY_MS]
    if not steps.size:
        return USUAL_INTERVAL_MS
    rounded, count = np.unique((steps + STEP_MS // 2) // STEP_MS, return_counts=True)
    return min(int(rounded[np.argmax(count)]) * STEP_MS, LONGEST_INTERVAL_MS)


def _ranked_sources(columns: Columns, rows: NDArray[np.int64], books: Books, site: Site) -> list[int]:
    """Sources as the site prefers them, then by number of readings, latest start, and name."""
    names = books.sources.entries()

    def rank(source: int) -> tuple[int, int, int, str]:
        own = columns.at_ms[rows[columns.source[rows] == source]]
        preferred = [
            i for i, word in enumerate(site.preferred_sources) if word.lower() in names[source].lower()
        ]
        return min(preferred, default=len(site.preferred_sources)), -own.size, -int(own.min()), names[source]

    return sorted(np.unique(columns.source[rows]).tolist(), key=rank)


def _nearest(accepted: list[tuple[int, int]], at_ms: int, within_ms: int) -> int | None:
    """The accepted row closest in time, if it is within reach."""
    position = bisect_left(accepted, (at_ms, -1))
    around = accepted[max(position - 1, 0) : position + 1]
    distance, row = min(((abs(at - at_ms), row) for at, row in around), default=(within_ms + 1, -1))
    return row if distance <= within_ms else None


def _mark(columns: Columns, row: int, kept: int, choice: Choice) -> None:
    """Drops a reading beside one that stays, and says on that one what the two were to each other."""
    apart_ms = abs(int(columns.at_ms[row] - columns.at_ms[kept]))
    if columns.source[row] != columns.source[kept] and apart_ms > COPY_MS:
        choice.drop(row, "overlapping_device")
        choice.flags[kept].add("overlapping_devices")
        return
    choice.drop(row, "duplicate")
    difference = abs(columns.value[row] - columns.value[kept])
    if difference > min(CONFLICT_MGDL, CONFLICT_FRACTION * columns.value[kept]):
        choice.flags[kept].add("source_conflict")


def _keep_one_source_a_day(columns: Columns, books: Books, choice: Choice) -> None:
    """Step intervals of one source a day where sources overlap: the one that covered most of the day.

    Phone and watch count the same steps; their sum is nobody's.
    """
    rows = np.nonzero(choice.keep)[0]
    overlapping = columns.at_ms[rows][1:] < np.maximum.accumulate(columns.until_ms[rows])[:-1]
    if np.unique(columns.source[rows]).size < 2 or not overlapping.any():
        return
    names = books.sources.entries()
    days: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows.tolist():
        days[int(columns.at_ms[row]) // MS_PER_DAY][int(columns.source[row])].append(row)
    for sources in days.values():
        covered = {
            s: sum(int(columns.until_ms[r] - columns.at_ms[r]) for r in own) for s, own in sources.items()
        }
        best = max(sources, key=lambda s: (covered[s], sum(columns.value[sources[s]]), names[s]))
        for source, own in sources.items():
            if source != best:
                for row in own:
                    choice.drop(row, "overlapping_device")
                choice.flags[sources[best][0]].add("overlapping_devices")


def _keep_longest_intervals(columns: Columns, updated: Updated, choice: Choice) -> None:
    """Counts over intervals that share no time: of two that do, the longer one holds the steps of both; one
    longer than a day goes, because nobody can tell its days.

    Exports without a device mix phone and watch, and totals of a day with its hours.
    """
    rows = np.nonzero(choice.keep)[0]
    starts, ends = columns.at_ms[rows], columns.until_ms[rows]
    if not np.any(starts[1:] < np.maximum.accumulate(ends)[:-1]):
        return
    accepted: list[tuple[int, int]] = []

    def rank(row: int) -> tuple[bool, int, int, float]:
        length_ms = int(columns.until_ms[row] - columns.at_ms[row])
        return (
            length_ms > LONGEST_DAY_MS,
            -length_ms,
            -updated(int(columns.reference[row])),
            -float(columns.value[row]),
        )

    for row in sorted(rows.tolist(), key=rank):
        start, end = int(columns.at_ms[row]), int(columns.until_ms[row])
        after = bisect_left(accepted, (max(end, start + 1), 0))
        if after and accepted[after - 1][1] > start:
            choice.drop(row, "overlapping_interval")
        else:
            insort(accepted, (start, end))


def _apply(choice: Choice, columns: Columns, books: Books) -> Unique:
    if choice.flags:
        numbers = columns.flags.copy()
        sets = books.flag_sets.entries()
        for row, added in choice.flags.items():
            numbers[row] = books.flag_sets.position(sets[numbers[row]] | added)
        columns = replace(columns, flags=numbers)
    lost = tuple((int(columns.reference[row]), reason) for row, reason in choice.reasons.items())
    return Unique(columns if choice.keep.all() else columns.take(choice.keep), lost)
