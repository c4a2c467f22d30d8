"""Makes the tables of the next two hours again, of lows or of highs: cross-validated by patient, exported.

`train(event, path, settings, report)` is pure but for reading the data; the command line writes the files.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from models.risk.causal_grid import SLOTS_PER_DAY
from models.training.artefact import Calibration, Report, artefact, out_of_fold, readable
from models.training.cgm_people import fingerprint, read_people, sha256_of
from models.training.event_alarms import alarms_at
from models.training.fit_pairwise import Settings
from models.training.measure import measure
from models.training.patient_bootstrap import bootstrap_intervals
from models.training.short_term_events import Event
from models.training.short_term_windows import HORIZONS_MIN, Windows, questions, task_of, windows_of

VERSION: Final = "2.0.0"

HIDDEN_CLOCK_DAYS: Final = 7
"""On one day of so many the hour is hidden, as it is where a patient's time zone is not known."""

ALARM_SENSITIVITY: Final = 0.8
"""The threshold stated with each table finds this share of the episodes of people left out."""


def train(event: Event, path: Path, settings: Settings, report: Report) -> dict[str, str]:
    """The artefacts by file name. Each says what it was made from and how it did on people left out."""
    people = tuple(person for person in read_people(path) if questions(person, event).size)
    report(f"{len(people)} people with questions; computing features")
    windows = without_some_clocks(windows_of(people, event))
    made_from = {
        "data_sha256": {path.name: sha256_of(path)},
        "people": {person.name: fingerprint(person) for person in people},
    }
    files: dict[str, str] = {}
    for horizon in HORIZONS_MIN:
        task = task_of(windows, horizon, event)
        stated = out_of_fold(task, settings, report)
        calibration = Calibration.of(task.questions.episode, stated)
        probability = calibration.applied(stated)
        alarms = alarms_at(task.questions, probability, ALARM_SENSITIVITY)
        facts = {
            "version": VERSION,
            "horizon_min": horizon,
            "alarm_threshold": round(alarms.threshold, 4),
            "on_people_left_out": measure(task.questions, probability)
            | bootstrap_intervals(task.questions.person, task.questions.episode, probability, settings.seed),
        }
        files[f"{task.model}.json"] = readable(artefact(task, calibration, settings, facts | made_from))
        report(f"{task.model}: fitted to all people")
    return files


def without_some_clocks(windows: Windows) -> Windows:
    """The same questions, on some days without the hour: the model learns what to say without a zone."""
    hidden = windows.slot // SLOTS_PER_DAY % HIDDEN_CLOCK_DAYS == 0
    hour = np.where(hidden, np.nan, windows.features["hour_of_day"])
    return replace(windows, features=windows.features | {"hour_of_day": hour})
