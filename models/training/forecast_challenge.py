"""Rivals of the glucose forecast that learn: fitted on four fifths of the people, asked about the rest.

Sits under the evaluation; LightGBM and torch come with the extra `train`. The served kind of model is fitted
on the same people, so that the comparison is one of algorithms and not of who saw whom.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.risk.glucose_forecast_features import matrix
from models.risk.glucose_forecast_interval import reference_inputs
from models.training.cgm_people import Person
from models.training.forecast_fit import Settings, fit_reference, fit_trees
from models.training.forecast_network import Seen, fit, traces
from models.training.forecast_rivals import rivals
from models.training.forecast_windows import ForecastWindows, question_slots
from models.training.patient_folds import FOLDS, check_split, fold_of_people
from models.training.questions import NothingToAsk

Array = NDArray[np.float64]
Report = Callable[[str], None]

COMPARED_MIN: Final = (30, 60, 120)
PASSES: Final = 6
REFITTED: Final = "boosting_refitted"


@dataclass(frozen=True, slots=True)
class Challenge:
    """Questions of all people, which are learned from and which are asked, bool[m], and the references."""

    windows: ForecastWindows
    learned: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    references: Mapping[int, Array]


def challenge(
    people: Sequence[Person], windows: ForecastWindows, settings: Settings, report: Report
) -> tuple[NDArray[np.bool_], dict[str, dict[int, Array]]]:
    """Which questions are of people left out, and each rival's expected change for those, by horizon."""
    task = _task(len(people), windows, settings)
    found = rivals(windows.at(task.asked), task.references)
    found[REFITTED] = {horizon: _boosted(task, horizon, settings) for horizon in task.references}
    report("boosting fitted to four fifths of the people")
    seen = Seen(_traces(people, windows), matrix(windows.features))
    found["network"] = _network(task, seen, settings.seed, report)
    return task.asked, found


def _task(people: int, windows: ForecastWindows, settings: Settings) -> Challenge:
    if people < FOLDS:
        raise NothingToAsk(f"fewer than {FOLDS} people: nobody can be left out")
    asked = fold_of_people(people, settings.seed)[windows.person] == 0
    check_split(windows.person, ~asked, asked)
    learned = ~asked & (np.arange(asked.size) % settings.every == 0)
    return Challenge(windows, learned, asked, {h: _reference(windows, ~asked, h) for h in COMPARED_MIN})


def _reference(windows: ForecastWindows, learned: NDArray[np.bool_], horizon: int) -> Array:
    rows = learned & ~np.isnan(windows.change[horizon])
    return fit_reference(windows.at(rows), windows.change[horizon][rows])


def _boosted(task: Challenge, horizon: int, settings: Settings) -> Array:
    change, reference = task.windows.change[horizon], task.references[horizon]
    rows = task.learned & ~np.isnan(change)
    features, asked = task.windows.at(rows), task.windows.at(task.asked)
    booster = fit_trees(features, change[rows] - reference_inputs(features) @ reference, settings)
    return np.asarray(reference_inputs(asked) @ reference + booster.predict(matrix(asked)))


def _network(task: Challenge, seen: Seen, seed: int, report: Report) -> dict[int, Array]:
    """The network upon the linear reference, as the trees are."""
    inputs = reference_inputs(task.windows.features)
    base = np.column_stack([inputs @ weights for weights in task.references.values()])
    change = np.column_stack([task.windows.change[horizon] for horizon in task.references])
    learned = change[task.learned] - base[task.learned]
    network = fit(seen.take(task.learned), learned, PASSES, seed, report)
    expected = base[task.asked] + network.change(seen.take(task.asked))
    return {horizon: expected[:, place] for place, horizon in enumerate(task.references)}


def _traces(people: Sequence[Person], windows: ForecastWindows) -> Array:
    asked = [windows.asked[windows.person == index] for index in range(len(people))]
    rows = zip(people, asked, strict=True)
    return np.concatenate([traces(person.measured, question_slots(person)[at]) for person, at in rows])
