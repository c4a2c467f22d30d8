"""How well changes of vital signs are found, and at how many false alarms, on generated people.

The own baseline against fixed thresholds, under the same rules: one question a day, an alarm at most every
third day, false when no event is under way. A demonstration: the people and their events are simulated.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.assessment import Assessment
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord
from models.risk.device_dropout import assess_dropout
from models.risk.fast_heart_at_rest import LEAST_SPREADS, assess_rest
from models.risk.joint_change import assess_together
from models.risk.vital_change import assess_change, window_at
from models.risk.vital_comparison import Answer
from models.risk.watched_signals import WATCHED
from models.simulation.vital_signs import (
    COURSES,
    EVENT_EVERY_DAYS,
    QUIET_DAYS,
    START_MS,
    EventKind,
    Wearer,
    virtual_wearer,
)
from models.time_series import TimeSeries
from models.training.daily_alarms import Asked, alarms_at, at_sensitivity

Array = NDArray[np.float64]

UTC: Final = ZoneInfo("UTC")
FIRST_DAY: Final = 28
LEAST_DAYS: Final = QUIET_DAYS + EVENT_EVERY_DAYS
ASKED_AT_MS: Final = 22 * 3_600_000
"""Questions begin when there is a baseline, and are asked each day at 22:00."""

HEART: Final = frozenset({signals.HEART_RATE, signals.HEART_RATE_RESTING, signals.HRV_SDNN})

BOOTSTRAP: Final = 200
DIGITS: Final = 4

CLINICAL: Final[Mapping[str, tuple[int, float]]] = {
    signals.HEART_RATE: (1, 100.0),
    signals.HEART_RATE_RESTING: (1, 100.0),
    signals.RESPIRATION_RATE: (1, 21.0),
    signals.SPO2: (-1, 92.0),
    signals.BODY_TEMPERATURE: (1, 38.0),
}
"""Common bedside thresholds by signal: direction, and where one is passed."""


def evaluate_vitals(seed: int, people: int, days: int) -> dict[str, Any]:
    """Sensitivity, false alarms per patient-day and delay by kind of event and detector.

    At the thresholds in use, and with every detector swept to 80 % sensitivity, with 90 % intervals over
    resampled people. Raises ValueError where there are too few days for an event.
    """
    if days < LEAST_DAYS:
        raise ValueError(f"at least {LEAST_DAYS} days are needed, or there is no event to find")
    asked = ask(seed, people, days)
    return {
        "task": "vitals",
        "people": people,
        "patient_days": int(asked.at_ms.size),
        "events": {str(k): sum(e.kind is k for p in asked.events for e in p) for k in EventKind},
        "served": "own_baseline_together",
        "models": {
            name: {str(kind): _measured(asked, name, kind) for kind in KINDS_OF[name]}
            for name in asked.scores
        },
    }


def ask(seed: int, people: int, days: int) -> Asked:
    """Every question of every person; a detector sees only what came before it."""
    wearers = [virtual_wearer(np.random.default_rng([seed, number]), days) for number in range(people)]
    day = np.arange(FIRST_DAY, days)
    at_ms = np.tile(START_MS + day * DAY_MS + ASKED_AT_MS, people)
    person = np.repeat(np.arange(people), day.size)
    scores = {
        name: np.array([score(wearers[p], int(at)) for p, at in zip(person, at_ms, strict=True)])
        for name, score in DETECTORS.items()
    }
    return Asked(person, at_ms, scores, tuple(wearer.events for wearer in wearers))


def own_change(wearer: Wearer, at_ms: int) -> float:
    """Greatest CUSUM over its limit among the signals, in the direction of illness."""
    return max(_own_changes(wearer, at_ms).values(), default=0.0)


def own_joint_change(wearer: Wearer, at_ms: int) -> float:
    """CUSUM of all organ systems together over its limit."""
    found = assess_together(_compared(wearer, at_ms), window_at(at_ms, UTC))
    return found.details["height_sd"] / found.details["limit_sd"] if isinstance(found, Assessment) else 0.0


def _compared(wearer: Wearer, at_ms: int) -> list[Answer]:
    window = window_at(at_ms, UTC)
    return [assess_change(w, wearer.series[w.signal], window) for w in WATCHED if w.signal in wearer.series]


def _own_changes(wearer: Wearer, at_ms: int) -> dict[str, float]:
    found = _compared(wearer, at_ms)
    worse = {course.signal: float(np.sign(course.illness)) for course in COURSES}
    return {
        a.inputs[0].name: a.details["height_sd"] / a.details["limit_sd"]
        for a in found
        if isinstance(a, Assessment) and a.details["direction"] == worse[a.inputs[0].name]
    }


def second_system(score: Mapping[str, float]) -> float:
    """The second greatest score when all signals of the heart count as one."""
    heart = max((score[name] for name in HEART if name in score), default=0.0)
    ranked = sorted([heart, *(value for name, value in score.items() if name not in HEART)])
    return ranked[-2] if len(ranked) > 1 else 0.0


def own_hours(wearer: Wearer, at_ms: int) -> float:
    """Distance of the worst run of hours over its limit."""
    found = assess_rest(wearer.series[signals.HEART_RATE], UTC, at_ms)
    return found.details["spreads"] / LEAST_SPREADS if isinstance(found, Assessment) else 0.0


def own_silence(wearer: Wearer, at_ms: int) -> float:
    """1 where a daily signal fell silent."""
    before = {name: series.between(0, at_ms) for name, series in wearer.series.items()}
    found = assess_dropout(PatientRecord("p", series=before), UTC, at_ms)
    return float(isinstance(found, Assessment) and found.result.urgency is not None)


def population_days(wearer: Wearer, at_ms: int) -> float:
    """The worst signal of the day against one threshold for everybody.

    The day's median in SDs between people above the population's mean, over two; mean and SD are the true
    ones of the generator, which nobody knows of real people.
    """
    return max(_population_days(wearer, at_ms).values(), default=0.0)


def population_days_of_two(wearer: Wearer, at_ms: int) -> float:
    """The same for the second greatest among the organ systems."""
    return second_system(_population_days(wearer, at_ms))


def _population_days(wearer: Wearer, at_ms: int) -> dict[str, float]:
    found = {}
    for course in COURSES:
        value = _today(wearer.series[course.signal], at_ms)
        if value.size:
            usual = course.level - course.night_fall / 2
            above = np.sign(course.illness) * (np.median(value) - usual)
            found[course.signal] = float(above / course.people_sd / 2)
    return found


def bedside_days(wearer: Wearer, at_ms: int) -> float:
    """1 where the day's median of any signal passes a common bedside threshold."""
    for signal, (direction, limit) in CLINICAL.items():
        value = _today(wearer.series[signal], at_ms)
        if value.size and direction * (np.median(value) - limit) >= 0:
            return 1.0
    return 0.0


def fixed_hours(wearer: Wearer, at_ms: int) -> float:
    """The highest hourly heart rate of the day over 100, whatever the hour."""
    value = _today(wearer.series[signals.HEART_RATE], at_ms)
    return float(value.max()) / 100.0 if value.size else 0.0


def _today(series: TimeSeries, at_ms: int) -> Array:
    return series.between(at_ms - DAY_MS, at_ms).value


DETECTORS: Final[Mapping[str, Callable[[Wearer, int], float]]] = {
    "own_baseline": own_change,
    "own_baseline_together": own_joint_change,
    "population_threshold": population_days,
    "population_threshold_two_systems": population_days_of_two,
    "bedside_thresholds": bedside_days,
    "own_hours": own_hours,
    "heart_rate_threshold": fixed_hours,
    "own_silence": own_silence,
}

KINDS_OF: Final[Mapping[str, tuple[EventKind, ...]]] = {
    "own_baseline": (EventKind.ILLNESS,),
    "own_baseline_together": (EventKind.ILLNESS,),
    "population_threshold": (EventKind.ILLNESS,),
    "population_threshold_two_systems": (EventKind.ILLNESS,),
    "bedside_thresholds": (EventKind.ILLNESS,),
    "own_hours": (EventKind.BURST,),
    "heart_rate_threshold": (EventKind.BURST,),
    "own_silence": (EventKind.SILENCE,),
}


def _measured(asked: Asked, name: str, kind: EventKind) -> dict[str, Any]:
    """Numbers at the threshold in use, and at 80 % sensitivity where a sweep reaches it."""
    score = asked.scores[name]
    in_use = alarms_at(asked, score, kind, 1.0)
    swept = at_sensitivity(asked, score, kind)
    found: dict[str, Any] = {
        "sensitivity": _shown(in_use.sensitivity),
        "false_alarms_per_day": _shown(in_use.false_per_day),
        "delay_days": _shown(in_use.delay_days),
        "false_alarms_per_day_at_80": None if swept is None else _shown(swept.false_per_day),
        "delay_days_at_80": None if swept is None else _shown(swept.delay_days),
    }
    if swept is not None:
        low, high = _interval(asked, swept.false_by_person, swept.days_by_person)
        found["false_alarms_per_day_at_80_interval"] = [_shown(low), _shown(high)]
    return found


def _shown(value: float) -> float | None:
    """Rounded; None where nothing decides it, as the delay of events never found."""
    return None if np.isnan(value) else round(value, DIGITS)


def _interval(asked: Asked, false: Array, days: Array) -> tuple[float, float]:
    """90 % interval of false alarms per day over people drawn with replacement."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, false.size, (BOOTSTRAP, false.size))
    rates = false[drawn].sum(axis=1) / days[drawn].sum(axis=1)
    low, high = np.quantile(rates, [0.05, 0.95])
    return float(low), float(high)
