"""What a risk score costs as an alarm: events found, and false alarms a day.

The definitions: questions every 15 minutes; an alarm fires when the score passes the threshold, at most
once in 60 minutes; it is true when an episode starts within the horizon; an event is found when any
question in its run of positive answers passes; each person's first 14 days are left out; false alarms are
divided by the observed days (questions x 15 minutes).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.causal_grid import MINUTES_PER_SLOT, SLOTS_PER_DAY
from models.training.questions import QUESTION_EVERY_SLOTS, Questions

Array = NDArray[np.float64]

SILENT_SLOTS: Final = 12


@dataclass(frozen=True, slots=True)
class Alarms:
    """One working point: the threshold, what it finds, and what it costs.

    `lead_time_min` is the median from the first question that passes to the last one before the episode,
    which starts within 15 minutes of that.
    """

    threshold: float
    sensitivity: float
    false_per_day: float
    true_share: float
    lead_time_min: float


def alarms_at(questions: Questions, score: Array, sensitivity: float) -> Alarms:
    """The working point that finds at least this share of the events; NaN where there is no event."""
    counted = questions.counted()
    questions, score = questions.take(counted), score[counted]
    peaks = event_peaks(questions, score)
    if not peaks.size:
        return Alarms(*[float("nan")] * 5)
    threshold = float(np.quantile(peaks, 1 - sensitivity, method="lower"))
    passes = score >= threshold
    fired = fires(questions, passes)
    false = float((fired & (questions.episode == 0)).sum())
    days = score.size * QUESTION_EVERY_SLOTS / SLOTS_PER_DAY
    sensitivity = float((peaks >= threshold).mean())
    lead = float(np.median(lead_times_min(questions, passes)))
    return Alarms(threshold, sensitivity, false / days, 1 - false / fired.sum(), lead)


def event_peaks(questions: Questions, score: Array) -> Array:
    """Highest score of each event."""
    positive, starts = _runs(questions)
    return np.maximum.reduceat(score[positive], starts) if positive.size else np.empty(0)


def lead_times_min(questions: Questions, passes: NDArray[np.bool_]) -> Array:
    """Minutes from the first question that passes to the last one, of each event that is found."""
    positive, starts = _runs(questions)
    if not positive.size:
        return np.empty(0)
    slot = questions.slot[positive]
    never = np.iinfo(np.int64).max
    first = np.minimum.reduceat(np.where(passes[positive], slot, never), starts)
    last = np.maximum.reduceat(slot, starts)
    found = first < never
    return (last - first)[found] * float(MINUTES_PER_SLOT)


def _runs(questions: Questions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Events: the positive answers, and where each run of them starts; a gap or another person ends a run."""
    positive = np.flatnonzero(questions.episode == 1)
    gap = np.diff(questions.slot[positive]) > QUESTION_EVERY_SLOTS
    other = np.diff(questions.person[positive]) != 0
    starts = np.flatnonzero(gap | other) + 1
    return positive, np.insert(starts, 0, 0) if positive.size else starts


def fires(questions: Questions, passes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The questions at which an alarm fires: it then stays silent for 60 minutes."""
    fired = np.zeros(passes.size, bool)
    person, until = -1, 0
    for index in np.flatnonzero(passes):
        if questions.person[index] != person or questions.slot[index] >= until:
            fired[index] = True
            person, until = int(questions.person[index]), int(questions.slot[index]) + SILENT_SLOTS
    return fired
