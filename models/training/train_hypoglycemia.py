"""Makes the short-term hypoglycaemia tables again: cross-validated by patient, fitted, exported.

`python -m models.training.train_hypoglycemia cgm_t1d_open.npz FOLDER`; build-time work, never the service's.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.risk.glucose_risk_features import FALLING
from models.training.cgm_people import read_people, sha256_of
from models.training.code_hash import sha256_of_code
from models.training.event_alarms import Questions, alarms_at
from models.training.fit_additive import Array, Settings, examples, fit, matrix, readable, tables
from models.training.hypoglycemia_windows import HORIZONS_MIN, Windows, windows_of
from models.training.measure import measure
from models.training.patient_folds import FOLDS, check_split, fold_of_people

VERSION: Final = "1.0.0"
ALARM_SENSITIVITY: Final = 0.8
EXAMPLE_ROWS: Final = 12

Report = Callable[[str], None]


def train(path: Path, settings: Settings, report: Report) -> dict[str, str]:
    """The artefacts by file name. Each says what it was made from and how it did on people left out."""
    people = read_people(path)
    report(f"{len(people)} people read; computing features")
    windows = windows_of(people)
    made_from = {"data": {path.name: sha256_of(path)}, "people": [person.name for person in people]}
    return {
        f"hypoglycemia_{horizon}.json": readable(_artefact(windows, horizon, settings, report) | made_from)
        for horizon in HORIZONS_MIN
    }


def out_of_fold(windows: Windows, horizon: int, settings: Settings, report: Report) -> Array:
    """Probability of each question by a model that never saw its person; NaN where the answer is unknown."""
    answer = windows.episode[horizon]
    known = ~np.isnan(answer)
    fold = fold_of_people(len(windows.names), settings.seed)[windows.person]
    probability = np.full(answer.size, np.nan)
    for left_out in range(FOLDS):
        learn, test = known & (fold != left_out), known & (fold == left_out)
        check_split(windows.person, learn, test)
        model = fit(windows.at(learn), answer[learn], windows.person[learn], FALLING, settings)
        probability[test] = model.predict_proba(matrix(windows.at(test)))[:, 1]
        report(f"{horizon} min: fold {left_out + 1} of {FOLDS}")
    return probability


def _artefact(windows: Windows, horizon: int, settings: Settings, report: Report) -> dict[str, Any]:
    probability = out_of_fold(windows, horizon, settings, report)
    answer = windows.episode[horizon]
    known = ~np.isnan(answer)
    questions = Questions(windows.person[known], windows.slot[known], answer[known])
    alarms = alarms_at(questions, probability[known], ALARM_SENSITIVITY)
    model = fit(windows.at(known), answer[known], windows.person[known], FALLING, settings)
    report(f"{horizon} min: fitted to all people")
    rows = np.flatnonzero(known)[:: int(known.sum()) // EXAMPLE_ROWS]
    return {
        "model": f"hypoglycemia_{horizon}",
        "version": VERSION,
        "horizon_min": horizon,
        "alarm_threshold": alarms.threshold,
        "made_with": {"interpret-core": version("interpret-core"), "numpy": version("numpy")},
        "settings": {key: value for key, value in asdict(settings).items() if key != "jobs"},
        "code": sha256_of_code(),
        "on_people_left_out": measure(questions, probability[known]),
        "examples": examples(model, windows.features, rows.tolist()),
        **tables(model),
    }


def main(arguments: Sequence[str]) -> None:
    """Reads the data file, writes the artefacts into the folder."""
    source, folder = Path(arguments[0]), Path(arguments[1])
    for name, text in train(source, Settings(), lambda line: print(line, file=sys.stderr)).items():  # noqa: T201
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
