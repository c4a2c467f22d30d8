"""People with vital signs from numpy arrays or a table of events, as records on the wall clock.

Beside `cgm_people`, whose format of arrays this one widens; FHIR is read by the command line. A signal is
known by its name in `models.signals`, its unit by the table here.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models import signals
from models.patient_record import PatientRecord
from models.risk.causal_grid import SLOT_MS
from models.time_series import TimeSeries, series_of
from models.training.cgm_people import ARRAYS, SLOT_ZERO_MS, UnreadablePeople, numpy_arrays

UNITS: Final[Mapping[str, str]] = {
    signals.HEART_RATE: "/min",
    signals.HEART_RATE_RESTING: "/min",
    signals.HRV_SDNN: "ms",
    signals.HRV_RMSSD: "ms",
    signals.RESPIRATION_RATE: "/min",
    signals.SPO2: "%",
    signals.BODY_TEMPERATURE: "Cel",
    signals.STEPS: "{steps}",
    signals.STEPS_PER_DAY: "/d",
    signals.SLEEP_DURATION: "min",
    signals.DEVICE_ACTIVE_PERCENT: "%",
    signals.GLUCOSE_CGM: "mg/dL",
}
"""The signals that are read, and the unit that their values must have."""

PARTS: Final = ("", "_code", "_slot_delta")
"""Endings of the names of a signal's arrays."""

COLUMNS: Final = ("id", "time", "kind", "value")
WALL_CLOCK: Final = "UTC"
"""Times of these files are those of a wall clock; UTC keeps them as they are."""


def records_of_arrays(path: Path) -> tuple[PatientRecord, ...]:
    """The people of a file as `cgm_people` describes it, with arrays named after signals.

    `heart_rate` and the like hold one value a row of `code` and `slot_delta`, or have rows of their own in
    `heart_rate_code` and `heart_rate_slot_delta`. UnreadablePeople for others. Values that are no number, or
    negative, are left out; of glucose zero too.
    """
    found = numpy_arrays(path, (*ARRAYS, *(name + part for name in UNITS for part in PARTS)))
    if "ids" not in found:
        raise UnreadablePeople("the array ids is missing")
    found.setdefault(signals.GLUCOSE_CGM, found.pop(ARRAYS[-1], np.empty(0)))
    people: dict[int, dict[str, TimeSeries]] = defaultdict(dict)
    for signal in UNITS:
        if found.get(signal, np.empty(0)).size:
            for person, series in _by_person(signal, found).items():
                people[person][signal] = series
    names = [str(name) for name in found["ids"]]
    return tuple(_record(names[person], people[person]) for person in sorted(people) if person < len(names))


def _by_person(signal: str, found: Mapping[str, NDArray[Any]]) -> dict[int, TimeSeries]:
    value = np.asarray(found[signal], np.float64)
    code = found.get(f"{signal}_code", found.get("code"))
    delta = found.get(f"{signal}_slot_delta", found.get("slot_delta"))
    if code is None or delta is None or not code.size == delta.size == value.size:
        raise UnreadablePeople(f"{signal} differs in length from its code and slot_delta")
    series = {}
    for person in np.unique(code).tolist():
        mine = code == person
        slot = np.cumsum(delta[mine], dtype=np.int64)
        series[int(person)] = _series(signal, SLOT_ZERO_MS + slot * SLOT_MS, value[mine])
    return {person: one for person, one in series.items() if len(one)}


def _series(signal: str, at_ms: NDArray[np.int64], value: NDArray[np.float64]) -> TimeSeries:
    least = np.nextafter(0, 1) if signal == signals.GLUCOSE_CGM else 0.0
    known = np.isfinite(value) & (value >= least)
    return series_of(signal, UNITS[signal], at_ms[known], value[known])


def _record(name: str, series: Mapping[str, TimeSeries]) -> PatientRecord:
    return PatientRecord(name, zone=WALL_CLOCK, series=series)


def records_of_table(lines: Iterable[str]) -> tuple[PatientRecord, ...]:
    """The people of a CSV `id,time,kind,value`, one value a row; kinds that are no signal here are left out.

    Times are ISO 8601, those without an offset on the wall clock. UnreadablePeople for another table.
    """
    rows = csv.DictReader(lines)
    if not set(COLUMNS) <= set(rows.fieldnames or ()):
        raise UnreadablePeople(f"the columns {', '.join(COLUMNS)} are needed")
    found: dict[str, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    for number, row in enumerate(rows, start=2):
        if row["kind"] in UNITS:
            found[row["id"]][row["kind"]].append(_point(row, number))
    return tuple(
        _record(name, {s: _series(s, *_columns(points)) for s, points in by_signal.items()})
        for name, by_signal in sorted(found.items())
    )


def _point(row: Mapping[str, str], number: int) -> tuple[int, float]:
    try:
        at = datetime.fromisoformat(row["time"])
        value = float(row["value"])
    except ValueError as fault:
        raise UnreadablePeople(f"line {number}: {fault}") from None
    return int(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000), value


def _columns(points: list[tuple[int, float]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    at_ms, value = zip(*points, strict=True)
    return np.array(at_ms, np.int64), np.array(value, np.float64)
