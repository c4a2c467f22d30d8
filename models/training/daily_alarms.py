"""What a detector of events finds and costs: one question a day, alarms, and days that belong to no event.

Sits under the evaluation of vital signs; knows neither detectors nor signals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.features.sampling import DAY_MS
from models.simulation.vital_signs import Event, EventKind

Array = NDArray[np.float64]

SILENT_DAYS: Final = 2
AFTER_DAYS: Final = 2
"""After an alarm two days without another; an alarm up to two days after an event's end belongs to it."""

SENSITIVITY: Final = 0.8


@dataclass(frozen=True, slots=True)
class Asked:
    """All questions: `person`, `at_ms` int64[m], and for each detector a score float64[m] (passed from 1)."""

    person: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    scores: Mapping[str, Array]
    events: tuple[tuple[Event, ...], ...]


@dataclass(frozen=True, slots=True)
class Alarms:
    """What one threshold finds and costs; `delay_days` is the median from onset to the first alarm."""

    sensitivity: float
    false_per_day: float
    delay_days: float
    false_by_person: Array
    days_by_person: Array


def at_sensitivity(asked: Asked, score: Array, kind: EventKind) -> Alarms | None:
    """The highest threshold that finds 80 % of the events, None where none does."""
    for threshold in np.unique(score[score > 0])[::-1]:
        found = sensitivity_at(asked, score, kind, float(threshold))
        if found >= SENSITIVITY:
            return alarms_at(asked, score, kind, float(threshold))
    return None


def sensitivity_at(asked: Asked, score: Array, kind: EventKind, threshold: float) -> float:
    """Share of the events during which a question passes the threshold."""
    delays = _delays_days(asked, score >= threshold, kind)
    return float(np.mean(~np.isnan(delays))) if delays.size else float("nan")


def alarms_at(asked: Asked, score: Array, kind: EventKind, threshold: float) -> Alarms:
    """Alarms are false outside every event, whatever its kind; days of other events count for nobody."""
    passed = score >= threshold
    delays = _delays_days(asked, passed, kind)
    people = len(asked.events)
    false, days = np.zeros(people), np.zeros(people)
    for person in range(people):
        mine = asked.person == person
        quiet = ~_during(asked.at_ms[mine], asked.events[person])
        days[person] = quiet.sum()
        false[person] = (_alarms(passed[mine]) & quiet).sum()
    found = delays[~np.isnan(delays)]
    return Alarms(
        float(found.size / delays.size) if delays.size else float("nan"),
        float(false.sum() / days.sum()),
        float(np.median(found)) if found.size else float("nan"),
        false,
        days,
    )


def _alarms(passed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Days on which an alarm is given: passed, and none in the two days before."""
    given = np.zeros(passed.size, bool)
    for day in np.flatnonzero(passed):
        given[day] = not given[max(0, day - SILENT_DAYS) : day].any()
    return given


def _during(at_ms: NDArray[np.int64], events: tuple[Event, ...]) -> NDArray[np.bool_]:
    inside = np.zeros(at_ms.size, bool)
    for event in events:
        inside |= (at_ms >= event.start_ms) & (at_ms <= event.end_ms + AFTER_DAYS * DAY_MS)
    return inside


def _delays_days(asked: Asked, passed: NDArray[np.bool_], kind: EventKind) -> Array:
    """Days from the start of each event of the kind to the first passed question in it, NaN where none."""
    delays = []
    for person, events in enumerate(asked.events):
        mine = (asked.person == person) & passed
        for event in (e for e in events if e.kind is kind):
            hit = asked.at_ms[mine][_during(asked.at_ms[mine], (event,))]
            delays.append((hit[0] - event.start_ms) / DAY_MS if hit.size else np.nan)
    return np.array(delays)
