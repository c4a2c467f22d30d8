"""Makes the short-term hypoglycaemia tables again: cross-validated by patient, fitted, exported.

`train(path, settings, report)` is pure but for reading the data file; the command line writes the files.
"""

from pathlib import Path
from typing import Final

from models.training.artefact import Calibration, Report, artefact, out_of_fold
from models.training.cgm_people import fingerprint, read_people, sha256_of
from models.training.event_alarms import alarms_at
from models.training.fit_additive import Settings, readable
from models.training.hypoglycemia_windows import HORIZONS_MIN, questions, task_of, windows_of
from models.training.measure import measure
from models.training.patient_bootstrap import bootstrap_intervals

VERSION: Final = "1.0.0"

ALARM_SENSITIVITY: Final = 0.8
"""The threshold stated with each table finds this share of the episodes of people left out."""


def train(path: Path, settings: Settings, report: Report) -> dict[str, str]:
    """The artefacts by file name. Each says what it was made from and how it did on people left out."""
    people = tuple(person for person in read_people(path) if questions(person).size)
    report(f"{len(people)} people with questions; computing features")
    windows = windows_of(people)
    made_from = {
        "data_sha256": {path.name: sha256_of(path)},
        "people": {person.name: fingerprint(person) for person in people},
    }
    files: dict[str, str] = {}
    for horizon in HORIZONS_MIN:
        task = task_of(windows, horizon)
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
