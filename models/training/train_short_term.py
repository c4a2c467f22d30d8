"""Makes the models of the next two hours again, of lows or of highs: cross-validated by patient, exported.

`train(event, path, settings, report)` is pure but for reading the data; the command line writes the files.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.risk.causal_grid import SLOTS_PER_DAY
from models.training import fit_outlook
from models.training.artefact import Calibration, Report, artefact, out_of_fold, readable
from models.training.cgm_people import fingerprint, read_people, sha256_of
from models.training.event_alarms import alarms_at
from models.training.fit_outlook import with_outlook
from models.training.fit_pairwise import Settings
from models.training.measure import measure
from models.training.patient_bootstrap import bootstrap_intervals
from models.training.short_term_events import Event
from models.training.short_term_windows import HORIZONS_MIN, Windows, questions, task_of, windows_of
from models.training.task import Task
from models.training.tuning import tuned

VERSION: Final = "3.1.0"

OUTLOOK: Final = fit_outlook.Settings()

HIDDEN_CLOCK_DAYS: Final = 7
"""On one day of so many the hour is hidden, as it is where a patient's time zone is not known."""

ALARM_SENSITIVITY: Final = 0.8
"""The threshold stated with each table finds this share of the episodes of people left out."""


TUNED_MIN: Final = 60
TRIED_PAIRS: Final = (0, 16, 64)
"""Pairs of features that the tuning compares at one horizon, on people left out, with one refit each."""


def train(
    event: Event, path: Path, settings: Settings, report: Report, outlook: fit_outlook.Settings = OUTLOOK
) -> dict[str, str]:
    """The artefacts by file name. Each says what it was made from and how it did on people left out."""
    people = tuple(person for person in read_people(path) if questions(person, event).size)
    report(f"{len(people)} people with questions; computing features")
    windows = without_some_clocks(windows_of(people, event))
    made_from = {
        "version": VERSION,
        "data_sha256": {path.name: sha256_of(path)},
        "people": {person.name: fingerprint(person) for person in people},
    }
    windows, expected = with_outlook(windows, event, outlook, report)
    files = {f"{expected['model']}.json": readable(expected | made_from)}
    asked = task_of(windows, TUNED_MIN, event)
    settings, tuning = tuned(asked, settings, ("pairs", TRIED_PAIRS), 1, report)
    for horizon in HORIZONS_MIN:
        task = task_of(windows, horizon, event)
        facts, calibration = _judged(task, settings, report)
        facts |= made_from | {"horizon_min": horizon, "tuning": tuning}
        files[f"{task.model}.json"] = readable(artefact(task, calibration, settings, facts))
        report(f"{task.model}: fitted to all people")
    return files


def _judged(task: Task, settings: Settings, report: Report) -> tuple[dict[str, Any], Calibration]:
    """How the model does on people left out, the threshold of its alarms, and what calibrates it."""
    asked = task.questions
    stated = out_of_fold(task, settings, report)
    calibration = Calibration.of(asked.episode, stated)
    probability = calibration.applied(stated)
    threshold = alarms_at(asked, probability, ALARM_SENSITIVITY).threshold
    intervals = bootstrap_intervals(asked.person, asked.episode, probability, settings.seed)
    left_out = measure(asked, probability) | intervals
    return {"alarm_threshold": round(threshold, 4), "on_people_left_out": left_out}, calibration


def without_some_clocks(windows: Windows) -> Windows:
    """The same questions, on some days without the hour: the model learns what to say without a zone."""
    hidden = windows.slot // SLOTS_PER_DAY % HIDDEN_CLOCK_DAYS == 0
    hour = np.where(hidden, np.nan, windows.features["hour_of_day"])
    return replace(windows, features=windows.features | {"hour_of_day": hour})
