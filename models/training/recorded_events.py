"""What people injected, ate and walked, as `t1d_uom_events.csv.gz` stores it, beside the questions asked.

Sits between the file of events and the fits of the optional terms; times are of the CGM's wall clock.
"""

import csv
import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from models.risk.causal_grid import SLOT_MS, Column
from models.risk.recorded_terms import Entries, features_of
from models.signals import CARBS, INSULIN_BOLUS, STEPS
from models.training.cgm_people import SLOT_ZERO_MS, UnreadablePeople
from models.training.questions import Questions

FILE: Final = "t1d_uom_events.csv.gz"
PERSON: Final = "T1D-UOM/UoMGlucose{}"
KINDS: Final = {"bolus_u": INSULIN_BOLUS, "carbs_g": CARBS, "steps": STEPS}

KNOWN_AFTER_MS: Final = {"steps": 15 * 60_000}
"""Steps are counted by the quarter hour: a count is known when that has passed."""

Events = Mapping[str, Mapping[str, Entries]]
"""Name of the person -> signal -> its entries."""


def read_events(path: Path) -> Events:
    """Boluses in units, carbohydrate in grams and counts of steps; other kinds are left out.

    UnreadablePeople where the file is no table of events, or an amount is no number from zero up.
    """
    found: dict[str, dict[str, list[tuple[int, float]]]] = {}
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                if row["kind"] in KINDS:
                    person = found.setdefault(PERSON.format(row["id"]), {})
                    person.setdefault(KINDS[row["kind"]], []).append((_known_ms(row), _amount(row)))
    except (OSError, EOFError, zlib.error, KeyError, TypeError, ValueError) as fault:
        raise UnreadablePeople(f"{path.name} cannot be read as events: {fault}") from fault
    return {
        person: {signal: _entries(sorted(rows)) for signal, rows in signals.items()}
        for person, signals in found.items()
    }


def _amount(row: Mapping[str, str]) -> float:
    amount = float(row["value"])
    if not 0.0 <= amount < np.inf:
        raise ValueError(f"an amount of {amount:g}")
    return amount


def _known_ms(row: Mapping[str, str]) -> int:
    at = datetime.fromisoformat(row["time"]).replace(tzinfo=UTC)
    return round(at.timestamp() * 1000) + KNOWN_AFTER_MS.get(row["kind"], 0)


def _entries(rows: Sequence[tuple[int, float]]) -> Entries:
    at_ms, value = zip(*rows, strict=True)
    return Entries(np.array(at_ms, np.int64), np.array(value, np.float64))


def recorded_features(
    names: Iterable[str], people: Sequence[str], questions: Questions, events: Events
) -> dict[str, Column]:
    """Named optional features of every question, float64[m] each, NaN where a person recorded too little.

    `people` are their names, in the order of `questions.person`.
    """
    asked_ms = SLOT_ZERO_MS + questions.slot * SLOT_MS
    features = {name: np.full(asked_ms.size, np.nan) for name in names}
    for index, person in enumerate(people):
        rows = questions.person == index
        for name, column in features_of(events.get(person, {}), features, asked_ms[rows]).items():
            features[name][rows] = column
    return features
