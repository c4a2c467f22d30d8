"""Makes the nocturnal hypoglycaemia table again: cross-validated by patient, fitted, exported.

`train(path, settings, report)` is pure but for reading the data file; the command line writes the file.
"""

from pathlib import Path
from typing import Final

import numpy as np

from models.training.artefact import Calibration, Report, artefact, out_of_fold, readable
from models.training.cgm_people import fingerprint, read_people, sha256_of
from models.training.fit_additive import Settings
from models.training.measure import ranking
from models.training.nocturnal_windows import task_of

VERSION: Final = "1.0.0"

SETTINGS: Final = Settings(
    refits=16, validation_refits=16, bins=16, learning_rate=0.01, smallest_leaf=100, stop_after_rounds=50
)
"""Chosen by cross-validation: a few thousand nights bear only coarse shapes."""

POSITIVE_SHARE: Final = 0.1
"""A night is called at raised risk among the tenth with the highest risk, on people left out."""


def train(path: Path, settings: Settings, report: Report) -> dict[str, str]:
    """The artefact by file name, with what it was made from and how it did on people left out."""
    people = read_people(path)
    task = task_of(people)
    report(f"{len(people)} people, {task.questions.episode.size} nights")
    stated = out_of_fold(task, settings, report)
    calibration = Calibration.of(task.questions.episode, stated)
    probability = calibration.applied(stated)
    facts = {
        "version": VERSION,
        "alarm_threshold": round(float(np.quantile(probability, 1 - POSITIVE_SHARE)), 4),
        "on_people_left_out": ranking(task.questions.episode, probability),
        "data_sha256": {path.name: sha256_of(path)},
        "people": {person.name: fingerprint(person) for person in people},
    }
    return {f"{task.model}.json": readable(artefact(task, calibration, settings, facts))}
