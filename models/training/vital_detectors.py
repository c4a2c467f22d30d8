"""Scores of an anomaly of vital signs as of a moment: of the review's own check, and of fixed limits.

Asked by `evaluate_vitals` of records that end at the moment. A score of 1 is where a finding begins; NaN
where the check does not answer.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Self
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.assessment import Assessment
from models.features.activity import ActivityInputs, steps_by_day, worn_days
from models.features.blood_pressure import CUTS_MMHG
from models.features.local_time import instant_ms, local_day
from models.features.night import NIGHT_HOURS
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord
from models.risk.device_dropout import LABELS, assess_dropout
from models.risk.fast_heart_at_rest import LEAST_SPREADS, assess_rest
from models.risk.home_pressure_target import SURE, target_checks
from models.risk.joint_change import assess_together
from models.risk.nocturnal_desaturation import LOW_SHARE_PERCENT, assess_nights
from models.risk.vital_change import Window, assess_change, assess_steps, window_at
from models.risk.vital_comparison import Answer
from models.risk.watched_signals import WATCHED
from models.simulation.vital_events import EventKind
from models.simulation.vital_signs import COURSES

PAST_DAYS: Final = 32
"""The longest look back of any check: 28 days before the last three, and a day."""

UNKNOWN: Final = float("nan")
NOTHING: Final = np.empty(0)

STEPS: Final = next(watched for watched in WATCHED if watched.shape == "steps")
COMPARED: Final = tuple(watched for watched in WATCHED if watched is not STEPS)

Directions = Mapping[str, int]

ILLNESS: Final[Directions] = {
    signals.HEART_RATE: 1, signals.HEART_RATE_RESTING: 1, signals.HRV_SDNN: -1, signals.HRV_RMSSD: -1,
    signals.RESPIRATION_RATE: 1, signals.SPO2: -1, signals.BODY_TEMPERATURE: 1,
}  # fmt: skip
FASTER: Final[Directions] = {signals.HEART_RATE: 1, signals.HEART_RATE_RESTING: 1}
LESS: Final[Directions] = {signals.STEPS_PER_DAY: -1, signals.SLEEP_DURATION: -1}

BEDSIDE: Final[Mapping[str, tuple[float, float]]] = {
    signals.HEART_RATE: (70.0, 100.0),
    signals.HEART_RATE_RESTING: (60.0, 100.0),
    signals.RESPIRATION_RATE: (15.0, 21.0),
    signals.SPO2: (97.0, 92.0),
    signals.BODY_TEMPERATURE: (36.6, 38.0),
}
"""A usual value of adults and a common bedside limit: a day's median scores as far as it has come between."""

NIGHT_SPO2: Final = (97.0, 90.0)
FAST_PER_MIN: Final = 100.0
FEW_STEPS: Final = 5000.0
"""A sedentary day (Tudor-Locke and Bassett, Sports Med 2004;34:1)."""

SHORT_SLEEP_MIN: Final = 360.0
"""Too short for any adult (Watson et al., Sleep 2015;38:843: less than 6 hours)."""

SILENT_DAYS: Final = 1.0


@dataclass(frozen=True)
class Moment:
    """What is known of a person at an instant: the past weeks of the record, and each watched comparison."""

    record: PatientRecord
    clock: ZoneInfo
    at_ms: int

    @classmethod
    def of(cls, record: PatientRecord, clock: ZoneInfo, at_ms: int) -> Self:
        """The last weeks until an instant; what comes after it is cut off."""
        past = {
            name: series.between(at_ms - PAST_DAYS * DAY_MS, at_ms) for name, series in record.series.items()
        }
        return cls(replace(record, series={n: s for n, s in past.items() if len(s)}), clock, at_ms)

    @cached_property
    def window(self) -> Window:
        """The days of a comparison."""
        return window_at(self.at_ms, self.clock)

    @cached_property
    def changes(self) -> dict[str, Answer]:
        """The review's comparison of each watched signal with the person's own weeks."""
        series = self.record.series
        found = {
            w.signal: assess_change(w, series[w.signal], self.window) for w in COMPARED if w.signal in series
        }
        return found | {STEPS.signal: assess_steps(STEPS, self.activity, self.window)}

    @property
    def activity(self) -> ActivityInputs:
        """The record's steps and what tells that the device was worn."""
        get = self.record.series.get
        return ActivityInputs(
            get(signals.STEPS_PER_DAY), get(signals.STEPS), get(signals.HEART_RATE),
            get(signals.DEVICE_ACTIVE_PERCENT),
        )  # fmt: skip

    def today(self, signal: str) -> NDArray[np.float64]:
        """Values of the last 24 hours."""
        series = self.record.series.get(signal)
        return NOTHING if series is None else series.between(self.at_ms - DAY_MS, self.at_ms).value


Detector = Callable[[Moment], float]


def own_illness(moment: Moment) -> float:
    """Greatest CUSUM over its limit among the signals, in the direction of illness."""
    return _changed(moment.changes, ILLNESS)


def own_illness_together(moment: Moment) -> float:
    """CUSUM of all organ systems together over its limit."""
    found = assess_together(list(moment.changes.values()), moment.window)
    return (
        found.details["height_sd"] / found.details["limit_sd"] if isinstance(found, Assessment) else UNKNOWN
    )


def own_faster_heart(moment: Moment) -> float:
    """The same for a rise of the heart rates alone."""
    return _changed(moment.changes, FASTER)


def own_less(moment: Moment) -> float:
    """The same for a fall of steps or sleep."""
    return _changed(moment.changes, LESS)


def _changed(answers: Mapping[str, Answer], directions: Directions) -> float:
    found = [
        a.details["height_sd"] / a.details["limit_sd"] if a.details["direction"] == directions[name] else 0.0
        for name, a in answers.items()
        if name in directions and isinstance(a, Assessment)
    ]
    return max(found, default=UNKNOWN)


def own_hours(moment: Moment) -> float:
    """Distance of the worst run of hours from the own usual, over its limit."""
    found = assess_rest(moment.record.series.get(signals.HEART_RATE), moment.clock, moment.at_ms)
    return found.details["spreads"] / LEAST_SPREADS if isinstance(found, Assessment) else UNKNOWN


def low_nights(moment: Moment) -> float:
    """From 1 where two nights of the week were low; below, the median share of a night below 90 %."""
    found = assess_nights(moment.record.series.get(signals.SPO2), moment.clock, moment.at_ms)
    if not isinstance(found, Assessment):
        return UNKNOWN
    share = found.result.now.value
    return share / LOW_SHARE_PERCENT if found.result.urgency is not None else min(share / 100.0, 0.99)


def own_pressure(moment: Moment) -> float:
    """The greater probability that a true mean is above target, over the one from which that is said."""
    return max(
        (
            answer.details["probability_above"] / SURE
            for answer in target_checks(moment.record, moment.at_ms)
            if isinstance(answer, Assessment)
        ),
        default=UNKNOWN,
    )


def highest_pressure(moment: Moment) -> float:
    """The highest reading of the day over its target, as a limit on single readings sees it."""
    return max(
        (
            float(value.max()) / target
            for signal, target in CUTS_MMHG["acc_aha"].items()
            if (value := moment.today(signal)).size
        ),
        default=UNKNOWN,
    )


def own_silence(moment: Moment) -> float:
    """The longest silence of a daily signal over the one that this signal may have."""
    found = assess_dropout(moment.record, moment.clock, moment.at_ms)
    return found.details["silence_over_limit"] if isinstance(found, Assessment) else UNKNOWN


def bedside(moment: Moment, names: Iterable[str]) -> float:
    """The worst of the signals: how far its median of the day has come from usual to the bedside limit."""
    found = []
    for name in names:
        value = moment.today(name)
        if name in BEDSIDE and value.size:
            usual, limit = BEDSIDE[name]
            found.append(float((np.median(value) - usual) / (limit - usual)))
    return max(found, default=UNKNOWN)


def population(moment: Moment, names: Iterable[str]) -> float:
    """The worst of the signals in SDs between people from the mean of all, over two: medians of the day."""
    found = []
    for course in COURSES:
        value = moment.today(course.signal)
        if course.signal in names and value.size:
            away = float(np.median(value)) - (course.level - course.night_fall / 2)
            found.append(course.odd * away / course.people_sd / 2)
    return max(found, default=UNKNOWN)


def lowest_of_the_night(moment: Moment) -> float:
    """How far the lowest saturation of the last night has come from usual to 90 %."""
    spo2 = moment.record.series.get(signals.SPO2)
    if spo2 is None:
        return UNKNOWN
    today = int(local_day(np.array([moment.at_ms]), moment.clock)[0])
    start_ms, end_ms = (
        instant_ms(today, h * 60, moment.clock) for h in (NIGHT_HOURS.start, NIGHT_HOURS.stop)
    )
    value, (usual, limit) = spo2.between(start_ms, end_ms).value, NIGHT_SPO2
    return float((value.min() - usual) / (limit - usual)) if value.size else UNKNOWN


def fewest(moment: Moment) -> float:
    """5000 steps over those of yesterday, or 6 hours over the last sleep, whichever is more."""
    yesterday = moment.window.today - 1
    steps = steps_by_day(moment.activity, moment.clock).get(yesterday)
    slept = moment.today(signals.SLEEP_DURATION)
    found = [] if steps is None else [FEW_STEPS / max(steps, 1.0)]
    if slept.size:
        found.append(SHORT_SLEEP_MIN / max(float(slept.max()), 1.0))
    return max(found, default=UNKNOWN)


def fewest_if_worn(moment: Moment) -> float:
    """The same, asked of worn days alone, as the review does."""
    worn = worn_days(moment.activity, moment.clock)
    return fewest(moment) if worn and moment.window.today - 1 in worn else UNKNOWN


def fastest_hour(moment: Moment) -> float:
    """The highest heart rate of the day over 100 /min, whatever the hour."""
    value = moment.today(signals.HEART_RATE)
    return float(value.max()) / FAST_PER_MIN if value.size else UNKNOWN


def longest_silent(moment: Moment) -> float:
    """Days since the newest value of the signal that has been silent longest."""
    newest = [int(s.until_ms.max()) for name, s in moment.record.series.items() if name in LABELS]
    return (moment.at_ms - min(newest)) / (SILENT_DAYS * DAY_MS) if newest else UNKNOWN


OWN: Final = "own_baseline"
FIXED: Final = "fixed_thresholds"
POPULATION: Final = "population_thresholds"
"""Mean and spread are the true ones of generated people, which nobody knows of measured ones."""

DETECTORS: Final[Mapping[EventKind, Mapping[str, Detector]]] = {
    EventKind.ILLNESS: {
        OWN: own_illness,
        "own_baseline_together": own_illness_together,
        FIXED: lambda moment: bedside(moment, ILLNESS),
        POPULATION: lambda moment: population(moment, ILLNESS),
    },
    EventKind.RESTING_HEART_RATE: {
        OWN: own_faster_heart,
        FIXED: lambda moment: bedside(moment, FASTER),
        POPULATION: lambda moment: population(moment, FASTER),
    },
    EventKind.FAST_HEART: {OWN: own_hours, FIXED: fastest_hour},
    EventKind.NIGHT_DESATURATION: {OWN: low_nights, FIXED: lowest_of_the_night},
    EventKind.HIGH_PRESSURE: {OWN: own_pressure, FIXED: highest_pressure},
    EventKind.INACTIVITY: {OWN: own_less, FIXED: fewest, "fixed_thresholds_if_worn": fewest_if_worn},
    EventKind.SILENCE: {OWN: own_silence, FIXED: longest_silent},
}
"""By kind of event: what the review says of it first, then what it is compared with."""
