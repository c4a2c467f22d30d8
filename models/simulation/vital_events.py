"""Known anomalies put into vital signs: illness, a fast heart, bad nights, high pressure, idle days, silence.

Works on any record, measured or generated. Sizes are chosen by us, in the order of published ones (Mishra
2020, Nat Biomed Eng 4:1208, for the onset of an infection; Lacasse 2020, N Engl J Med 383:1129, for nights).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.features.local_time import instant_ms, local_day, local_ms
from models.features.night import NIGHT_HOURS
from models.features.sampling import DAY_MS, MINUTE_MS
from models.patient_record import PatientRecord
from models.time_series import TimeSeries

Array = NDArray[np.float64]

QUIET_DAYS: Final = 30
EVENT_EVERY_DAYS: Final = 16
"""First four weeks and two days for a baseline, then one of each kind at a random start in every 16 days."""

STARTS_WITHIN_DAYS: Final = 4.0
BASELINE_DAYS: Final = 28
FEWEST_BASELINE_DAYS: Final = 14
MEASURED_SHARE: Final = 0.5
"""An event is put where one of its signals has 14 of the 28 days before and half of its own days."""

HIGHEST: Final[Mapping[str, float]] = {signals.SPO2: 100.0}
MOST_CUT: Final = 0.95

WALKED: Final = frozenset({signals.STEPS})
"""Counts of short intervals: of these a cut takes whole ones away."""


class EventKind(StrEnum):
    """What is injected."""

    ILLNESS = "illness"
    RESTING_HEART_RATE = "resting_heart_rate_rise"
    FAST_HEART = "fast_heart"
    NIGHT_DESATURATION = "night_desaturation"
    HIGH_PRESSURE = "home_pressure_above_target"
    INACTIVITY = "activity_or_sleep_collapse"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Event:
    """One injected event from `start_ms` to `end_ms`; `size` 1 is a typical one."""

    kind: EventKind
    start_ms: int
    end_ms: int
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Shift:
    """What an event of size 1 does to a signal: adds in its unit, then cuts off a share."""

    add: float = 0.0
    cut: float = 0.0


@dataclass(frozen=True, slots=True)
class Script:
    """How events of a kind run: shifts by signal, least and greatest length and size, hours to rise and fall.

    `shown_by` are the signals of which one must be measured, any where it is empty.
    """

    shifts: Mapping[str, Shift]
    days: tuple[float, float]
    size: tuple[float, float]
    onset_days: float = 0.0
    at_night: bool = False
    shown_by: tuple[str, ...] = ()


SCRIPTS: Final[Mapping[EventKind, Script]] = {
    EventKind.ILLNESS: Script(
        {
            signals.HEART_RATE: Shift(8.0), signals.HEART_RATE_RESTING: Shift(7.0),
            signals.HRV_SDNN: Shift(cut=0.24), signals.HRV_RMSSD: Shift(cut=0.24),
            signals.RESPIRATION_RATE: Shift(2.5), signals.SPO2: Shift(-1.5),
            signals.BODY_TEMPERATURE: Shift(0.9),
        },
        (4.0, 8.0), (0.5, 1.5), 1.5,
        shown_by=(signals.RESPIRATION_RATE, signals.BODY_TEMPERATURE),
    ),
    EventKind.RESTING_HEART_RATE: Script(
        {signals.HEART_RATE: Shift(8.0), signals.HEART_RATE_RESTING: Shift(8.0)},
        (5.0, 9.0), (0.5, 1.5), 1.5,
        shown_by=(signals.HEART_RATE, signals.HEART_RATE_RESTING),
    ),
    EventKind.FAST_HEART: Script(
        {signals.HEART_RATE: Shift(50.0)}, (0.125, 0.5), (0.7, 1.4), shown_by=(signals.HEART_RATE,)
    ),
    EventKind.NIGHT_DESATURATION: Script(
        {signals.SPO2: Shift(-7.0)}, (4.0, 8.0), (0.7, 1.3), at_night=True, shown_by=(signals.SPO2,)
    ),
    EventKind.HIGH_PRESSURE: Script(
        {signals.SYSTOLIC: Shift(20.0), signals.DIASTOLIC: Shift(14.0)}, (8.0, 12.0), (0.8, 1.5), 1.5,
        shown_by=(signals.SYSTOLIC, signals.DIASTOLIC),
    ),
    EventKind.INACTIVITY: Script(
        {name: Shift(cut=0.6) for name in (signals.STEPS, signals.STEPS_PER_DAY, signals.SLEEP_DURATION)},
        (5.0, 9.0), (0.8, 1.3),
        shown_by=(signals.STEPS, signals.STEPS_PER_DAY, signals.SLEEP_DURATION),
    ),
    EventKind.SILENCE: Script({}, (4.0, 8.0), (1.0, 1.0)),
}  # fmt: skip
"""SILENCE takes every reading away."""


def with_event(record: PatientRecord, event: Event, clock: ZoneInfo) -> PatientRecord:
    """The record as it would be had the event happened."""
    if event.kind is EventKind.SILENCE:
        kept = {name: _outside(series, event) for name, series in record.series.items()}
        return replace(record, series=kept)
    shifts = SCRIPTS[event.kind].shifts
    shifted = {
        name: _shifted(series, event, shifts[name], clock)
        for name, series in record.series.items()
        if name in shifts
    }
    return replace(record, series={**record.series, **shifted})


def _outside(series: TimeSeries, event: Event) -> TimeSeries:
    return series.take((series.at_ms < event.start_ms) | (series.at_ms >= event.end_ms))


def _shifted(series: TimeSeries, event: Event, shift: Shift, clock: ZoneInfo) -> TimeSeries:
    share = event_course(series.at_ms, event)
    if series.signal in WALKED:
        return _rested(series, event, share * min(event.size * shift.cut, MOST_CUT))
    if SCRIPTS[event.kind].at_night:
        hour = local_ms(series.at_ms, clock) % DAY_MS // (60 * MINUTE_MS)
        share = np.where(hour < NIGHT_HOURS.stop, share, 0.0)
    cut = min(event.size * shift.cut, MOST_CUT)
    value = (series.value + share * event.size * shift.add) * (1.0 - share * cut)
    held = np.clip(value, 0.0, HIGHEST.get(series.signal, np.inf))
    return replace(series, value=np.where(share > 0, held, series.value))


def _rested(steps: TimeSeries, event: Event, cut: Array) -> TimeSeries:
    """Without so large a share of the intervals: who walks less leaves walks out, and less shows the wear."""
    drawn = np.random.default_rng(abs(event.start_ms)).random(len(steps))
    return steps.take(drawn >= cut)


def event_course(at_ms: NDArray[np.int64], event: Event) -> Array:
    """0 to 1 at each instant: rises over the onset, stays, and has fallen again at the end."""
    inside = (at_ms >= event.start_ms) & (at_ms < event.end_ms)
    onset_ms = SCRIPTS[event.kind].onset_days * DAY_MS
    if not onset_ms:
        return inside.astype(np.float64)
    rise, fall = (at_ms - event.start_ms) / onset_ms, (event.end_ms - at_ms) / onset_ms
    return np.clip(np.minimum(rise, fall), 0.0, 1.0)


def draw_events(record: PatientRecord, clock: ZoneInfo, rng: np.random.Generator) -> tuple[Event, ...]:
    """In every block of days after the quiet ones an event of each kind that signals measured there show."""
    days = measured_days(record, clock)
    last = max((int(of[-1]) for of in days.values()), default=0)
    first = min((int(of[0]) for of in days.values()), default=0) + QUIET_DAYS
    found = []
    for block in range(first, last - EVENT_EVERY_DAYS + 2, EVENT_EVERY_DAYS):
        drawn = [_drawn(kind, instant_ms(block, 0, clock), rng) for kind in EventKind]
        found += [event for event in drawn if _is_shown(event, days, clock)]
    return tuple(found)


def _drawn(kind: EventKind, block_ms: int, rng: np.random.Generator) -> Event:
    script = SCRIPTS[kind]
    start_ms = block_ms + int(rng.uniform(0, STARTS_WITHIN_DAYS) * DAY_MS)
    length_ms = int(rng.uniform(*script.days) * DAY_MS)
    return Event(kind, start_ms, start_ms + length_ms, float(rng.uniform(*script.size)))


def measured_days(record: PatientRecord, clock: ZoneInfo) -> dict[str, NDArray[np.int64]]:
    """Local days with a value of each signal, ascending; signals without one are left out."""
    return {
        name: np.unique(local_day(series.at_ms, clock))
        for name, series in record.series.items()
        if len(series)
    }


def _is_shown(event: Event, days: Mapping[str, NDArray[np.int64]], clock: ZoneInfo) -> bool:
    first, last = local_day(np.array([event.start_ms, event.end_ms]), clock).tolist()
    names: Sequence[str] = SCRIPTS[event.kind].shown_by or tuple(days)
    return any(_is_measured(days[name], first, last) for name in names if name in days)


def _is_measured(day: NDArray[np.int64], first: int, last: int) -> bool:
    before = np.count_nonzero((day >= first - BASELINE_DAYS) & (day < first))
    during = np.count_nonzero((day >= first) & (day <= last))
    return bool(before >= FEWEST_BASELINE_DAYS and during >= MEASURED_SHARE * (last - first + 1))
