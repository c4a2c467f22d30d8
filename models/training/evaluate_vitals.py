"""How well changes of vital signs are found, and at how many false alarms: known anomalies put into records.

Every event is put into a copy of a person's record of its own; the false alarms are those on the record as it
was. The review's own checks against fixed limits, under the same rules: one question a day, an alarm at most
every third day. What a measured person really went through is not known and counts as a false alarm.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from models.assessment import Reason
from models.features.local_time import instant_ms, zone_of
from models.features.sampling import DAY_MS
from models.patient_record import PatientRecord
from models.simulation.vital_events import (
    BASELINE_DAYS,
    SCRIPTS,
    Event,
    EventKind,
    draw_events,
    measured_days,
    with_event,
)
from models.simulation.vital_signs import virtual_wearer
from models.training.daily_alarms import FalseAlarms, Run, delays_days, false_alarms, threshold_of, within
from models.training.questions import NothingToAsk
from models.training.vital_detectors import DETECTORS, OWN, Moment

Array = NDArray[np.float64]
Report = Callable[[str], None]
Key = tuple[EventKind, str]

ASKED_AT_MIN: Final = 22 * 60
AFTER_DAYS: Final = 2
"""Asked each day at 22:00 from four weeks on; an alarm up to two days after an event still belongs to it."""

UTC: Final = ZoneInfo("UTC")

IN_USE: Final = 1.0
SENSITIVITIES_PERCENT: Final = (70, 80, 90)
SOON_DAYS: Final = 3
"""Detectors are also compared at equal delay: 80 % found within three days of the start."""

CURVE: Final = tuple(np.round(np.arange(0.1, 1.01, 0.05), 2).tolist())
"""Sensitivities at which the false alarms are told."""

ORDER: Final = tuple(dict.fromkeys(name for of in DETECTORS.values() for name in of))
BOOTSTRAP: Final = 200
DIGITS: Final = 4

GENERATED: Final = "generated people, with events put in: a demonstration"
MEASURED: Final = (
    "measured records, with events put in; what these people really went through counts as false"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """All questions by kind and detector: on the records as they were, and on copies with one event each."""

    quiet: defaultdict[Key, list[Run]]
    events: defaultdict[Key, list[Run]]


def generated_people(seed: int, people: int, days: int) -> tuple[PatientRecord, ...]:
    """Virtual people in whom nothing happens."""
    return tuple(
        virtual_wearer(f"generated/{number}", np.random.default_rng([seed, number]), days)
        for number in range(people)
    )


def evaluate_vitals(
    records: Sequence[PatientRecord], seed: int, source: str, report: Report
) -> dict[str, Any]:
    """Sensitivity, false alarms per patient-day and delay by kind of event and detector.

    At the limits in use, and with every detector swept to fixed sensitivities, with 90 % intervals over
    people drawn again. NothingToAsk where no event can be put into anybody's record.
    """
    asked = ask(records, seed, report)
    kinds = [kind for kind in EventKind if (kind, OWN) in asked.events]
    if not kinds:
        raise NothingToAsk("nobody has six weeks with a signal of a wearable on half of the days")
    quiet = asked.quiet[kinds[0], OWN]
    return {
        "task": "vitals",
        "source": source,
        "people": len(quiet),
        "patient_days": sum(run.at_ms.size for run in quiet),
        "events": {str(kind): len(asked.events.get((kind, OWN), ())) for kind in EventKind},
        "not_asked": {str(kind): _why_not(kind) for kind in EventKind if kind not in kinds},
        "served": OWN,
        "models": _by_name(asked, measured),
        "alarm_curves": _by_name(asked, alarm_curve),
    }


def _by_name(asked: Asked, told: Callable[[Sequence[Run], Sequence[Run]], Any]) -> dict[str, dict[str, Any]]:
    """What is told of each detector that was asked, by name and kind."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for kind, name in ((kind, name) for kind, of in DETECTORS.items() for name in of):
        if (kind, name) in asked.events:
            found[name][str(kind)] = told(asked.quiet[kind, name], asked.events[kind, name])
    return {name: found[name] for name in sorted(found, key=ORDER.index)}


def _why_not(kind: EventKind) -> str:
    names = ", ".join(SCRIPTS[kind].shown_by) or "any signal"
    return f"nobody has {names} on 14 of 28 days and on half of the days of an event after them"


def ask(records: Sequence[PatientRecord], seed: int, report: Report) -> Asked:
    """Every question of every person; a detector sees only what came before it."""
    asked = Asked(defaultdict(list), defaultdict(list))
    for number, record in enumerate(records):
        clock, rng = clock_of(record), np.random.default_rng([seed, number])
        at_ms = asked_at(record, clock)
        if at_ms.size:
            for key, score in _scores(record, clock, at_ms, EventKind).items():
                asked.quiet[key].append(Run(number, at_ms, score))
        for event in draw_events(record, clock, rng):
            at_ms = _days_of(event, clock)
            for key, score in _scores(with_event(record, event, clock), clock, at_ms, (event.kind,)).items():
                asked.events[key].append(Run(number, at_ms, score, event.start_ms))
        report(f"{number + 1} of {len(records)} people")
    return asked


def clock_of(record: PatientRecord) -> ZoneInfo:
    """The person's clock, else UTC."""
    clock = zone_of(record.zone)
    return UTC if isinstance(clock, Reason) else clock


def asked_at(record: PatientRecord, clock: ZoneInfo) -> NDArray[np.int64]:
    """Local days at 22:00 from the first with four weeks before it to the last with a value, int64[m]."""
    days = measured_days(record, clock).values()
    first, last = min((int(of[0]) for of in days), default=0), max((int(of[-1]) for of in days), default=-1)
    return _at_22(range(first + BASELINE_DAYS, last + 1), clock)


def _days_of(event: Event, clock: ZoneInfo) -> NDArray[np.int64]:
    """The questions that may find an event."""
    days = range(event.start_ms // DAY_MS - 1, event.end_ms // DAY_MS + AFTER_DAYS + 2)
    at_ms = _at_22(days, clock)
    return at_ms[(at_ms >= event.start_ms) & (at_ms <= event.end_ms + AFTER_DAYS * DAY_MS)]


def _at_22(days: range, clock: ZoneInfo) -> NDArray[np.int64]:
    return np.array([instant_ms(day, ASKED_AT_MIN, clock) for day in days], np.int64)


def _scores(
    record: PatientRecord, clock: ZoneInfo, at_ms: NDArray[np.int64], kinds: Iterable[EventKind]
) -> dict[Key, Array]:
    """The score of each detector of some kinds at each moment."""
    detectors = {(kind, name): score for kind in kinds for name, score in DETECTORS[kind].items()}
    table = np.empty((at_ms.size, len(detectors)))
    for row, at in enumerate(at_ms.tolist()):
        moment = Moment.of(record, clock, at)
        table[row] = [score(moment) for score in detectors.values()]
    return dict(zip(detectors, table.T, strict=True))


def measured(quiet: Sequence[Run], events: Sequence[Run]) -> dict[str, Any]:
    """Numbers at the limit in use, and where a threshold finds 70, 80 and 90 % of the events.

    `assessed_share` is of the questions about the records as they were.
    """
    answered = np.concatenate([~np.isnan(run.score) for run in quiet])
    delays, cost = delays_days(events, IN_USE), false_alarms(quiet, IN_USE)
    found: dict[str, Any] = {
        "assessed_share": _shown(float(answered.mean())),
        "sensitivity": _shown(_found_share(delays)),
        "false_alarms_per_day": _shown(cost.per_day),
        "delay_days": _shown(_median(delays)),
    }
    for percent in SENSITIVITIES_PERCENT:
        found |= _swept(quiet, events, percent, f"at_{percent}")
    soon = _swept(quiet, within(events, SOON_DAYS), 80, f"at_80_within_{SOON_DAYS}_days")
    return found | soon


def _swept(quiet: Sequence[Run], events: Sequence[Run], percent: int, at: str) -> dict[str, Any]:
    """What the highest threshold that finds this percentage costs; None where none does."""
    threshold = threshold_of(events, percent / 100)
    cost = None if threshold is None else false_alarms(quiet, threshold)
    delay = None if threshold is None else _shown(_median(delays_days(events, threshold)))
    return {
        f"false_alarms_per_day_{at}": None if cost is None else _shown(cost.per_day),
        f"false_alarms_per_day_{at}_interval": None if cost is None else interval(cost),
        f"delay_days_{at}": delay,
    }


def alarm_curve(quiet: Sequence[Run], events: Sequence[Run]) -> list[list[float]]:
    """Pairs of false alarms per patient-day and sensitivity, where a threshold reaches that."""
    thresholds = dict.fromkeys(threshold_of(events, wanted) for wanted in CURVE)
    return [
        [round(false_alarms(quiet, threshold).per_day, DIGITS), _found_share(delays_days(events, threshold))]
        for threshold in thresholds
        if threshold is not None
    ]


def interval(cost: FalseAlarms) -> list[float | None]:
    """90 % interval of false alarms per day over people drawn with replacement."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, cost.alarms.size, (BOOTSTRAP, cost.alarms.size))
    rates = cost.alarms[drawn].sum(axis=1) / cost.days[drawn].sum(axis=1)
    return [_shown(float(end)) for end in np.quantile(rates, [0.05, 0.95])]


def _found_share(delays: Array) -> float:
    return round(float(np.mean(~np.isnan(delays))), DIGITS) if delays.size else float("nan")


def _median(delays: Array) -> float:
    found = delays[~np.isnan(delays)]
    return float(np.median(found)) if found.size else float("nan")


def _shown(value: float) -> float | None:
    """Rounded; None where nothing decides it, as the delay of events never found."""
    return None if np.isnan(value) else round(value, DIGITS)
