"""Daily questions turned into alarms: what a threshold finds, how soon, and at how many false alarms a day.

Sits under the evaluation of vital signs; knows neither detectors nor signals.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.features.sampling import DAY_MS

Array = NDArray[np.float64]

SILENT_DAYS: Final = 2
"""After an alarm two days without another."""


@dataclass(frozen=True, slots=True)
class Run:
    """Questions of one person, one a day: when, and the score of one detector, float64[m], NaN where silent.

    `start_ms` is when the injected event began; None where the record is as it was measured.
    """

    person: int
    at_ms: NDArray[np.int64]
    score: Array
    start_ms: int | None = None


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Alarms without an injected event, and the days asked, by person, float64[people]."""

    alarms: Array
    days: Array

    @property
    def per_day(self) -> float:
        """Alarms per patient-day; NaN without a day."""
        return float(self.alarms.sum() / self.days.sum()) if self.days.sum() else float("nan")


def threshold_of(events: Sequence[Run], sensitivity: float) -> float | None:
    """The highest threshold that finds this share of the events; None where none does."""
    highest = np.sort([np.nanmax(run.score, initial=-np.inf) for run in events])[::-1]
    needed = int(np.ceil(sensitivity * len(events)))
    if not needed or highest[needed - 1] <= 0:
        return None
    return float(highest[needed - 1])


def within(events: Sequence[Run], days: float) -> list[Run]:
    """The questions of each event up to so many days after its start."""
    found = []
    for run in events:
        soon = run.at_ms <= (run.start_ms or 0) + days * DAY_MS
        found.append(replace(run, at_ms=run.at_ms[soon], score=run.score[soon]))
    return found


def delays_days(events: Sequence[Run], threshold: float) -> Array:
    """Days from each event's start to the first question that passes, float64[events], NaN where none."""
    found = []
    for run in events:
        hit = run.at_ms[run.score >= threshold]
        found.append((hit[0] - run.start_ms) / DAY_MS if hit.size and run.start_ms is not None else np.nan)
    return np.array(found)


def false_alarms(quiet: Sequence[Run], threshold: float) -> FalseAlarms:
    """What a threshold costs on records without an injected event."""
    alarms = [np.count_nonzero(given(run.score >= threshold)) for run in quiet]
    return FalseAlarms(np.array(alarms, np.float64), np.array([run.at_ms.size for run in quiet], np.float64))


def given(passed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Days on which an alarm is given: passed, and none in the two days before."""
    found = np.zeros(passed.size, bool)
    for day in np.flatnonzero(passed):
        found[day] = not found[max(0, day - SILENT_DAYS) : day].any()
    return found
