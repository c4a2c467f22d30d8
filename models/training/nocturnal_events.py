"""What people ate and walked, as `t1d_uom_events.csv.gz` stores it, beside the nights they are asked about.

Sits between the file of events and the fit of the optional terms; times are of the CGM's wall clock.
"""

import csv
import gzip
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from models.risk.causal_grid import SLOT_MS, Column, Slots
from models.risk.nocturnal_evening import CARBS, STEPS, of_usual_day
from models.training.cgm_people import SLOT_ZERO_MS, Person
from models.training.questions import Questions

FILE: Final = "t1d_uom_events.csv.gz"
PERSON: Final = "T1D-UOM/UoMGlucose{}"
KINDS: Final = {"carbs_g": CARBS, "steps": STEPS}

Events = Mapping[tuple[str, str], tuple[Slots, Column]]
"""(name of the person, feature) -> instants in milliseconds, sorted, and values."""


def read_events(path: Path) -> Events:
    """Entries of carbohydrate in grams and counts of steps; other kinds are left out."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["kind"] in KINDS:
                at = datetime.fromisoformat(row["time"]).replace(tzinfo=UTC)
                key = PERSON.format(row["id"]), KINDS[row["kind"]]
                found.setdefault(key, []).append((round(at.timestamp() * 1000), float(row["value"])))
    return {key: _columns(sorted(entries)) for key, entries in found.items()}


def _columns(entries: Sequence[tuple[int, float]]) -> tuple[Slots, Column]:
    at_ms, value = zip(*entries, strict=True)
    return np.array(at_ms, np.int64), np.array(value, np.float64)


def evenings(people: Sequence[Person], questions: Questions, events: Events) -> dict[str, Column]:
    """The optional features of every question, float64[m] each, NaN where a person recorded too little."""
    asked_ms = SLOT_ZERO_MS + questions.slot * SLOT_MS
    features = {name: np.full(asked_ms.size, np.nan) for name in KINDS.values()}
    for index, person in enumerate(people):
        rows = questions.person == index
        for name in features:
            if (person.name, name) in events:
                features[name][rows] = of_usual_day(name, *events[person.name, name], asked_ms[rows])
    return features
