"""Evaluates the served glucose risk models on people in a file, without retraining them.

The door of the harness: `evaluate(task, path)` for a file in the format of `cgm_t1d_open.npz`. What is
served and the rivals without a fit need numpy alone; `challengers=True` needs the extra `train`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal

from models.training import nocturnal_evaluation, short_term_evaluation
from models.training.cgm_people import Person, read_people
from models.training.patient_folds import FOLDS
from models.training.questions import NothingToAsk
from models.training.short_term_evaluation import JUDGED, Judged
from models.training.short_term_windows import HORIZONS_MIN, questions, task_of

SEED: Final = 2026

TaskName = Literal["hypoglycemia", "hyperglycemia", "nocturnal"]
Report = Callable[[str], None]
Evaluation = Callable[[Sequence[Person], bool, int, Report], dict[str, Any]]


def evaluate(
    task: TaskName,
    path: Path,
    *,
    challengers: bool = False,
    seed: int = SEED,
    report: Report = lambda _: None,
) -> dict[str, Any]:
    """Metrics of every model by name. LeakError where a feature looks ahead, ImportError without `train`."""
    people = read_people(path)
    return EVALUATIONS[task](people, challengers, seed, report)


def _short_term(
    judged: Judged, people: Sequence[Person], challengers: bool, seed: int, report: Report
) -> dict[str, Any]:
    report(f"{len(people)} people read; computing features")
    asked = [person for person in people if questions(person, judged.event).size]
    if not asked:
        raise NothingToAsk("nobody has two of three hours of CGM and is then outside an episode")
    windows, scores = short_term_evaluation.unfitted_scores(judged, asked, seed)
    report(f"{windows.person.size} questions scored")
    _enough_to_learn(asked, challengers)
    for horizon in HORIZONS_MIN if challengers else ():
        task = task_of(windows, horizon, judged.event)
        for name, found in _rivals("challenge").challenge(task, report).items():
            scores.setdefault(name, {})[horizon] = short_term_evaluation.spread(windows, horizon, found)
    if challengers:
        recurrent = _rivals("recurrent")
        network = recurrent.out_of_fold_network(asked, windows, seed, report)
        scores[recurrent.NAME] = dict(network.score)
    return short_term_evaluation.report(judged, asked, windows, scores, seed) | {"people": len(people)}


def _nocturnal(people: Sequence[Person], challengers: bool, seed: int, report: Report) -> dict[str, Any]:
    report(f"{len(people)} people read; computing features")
    task, scores = nocturnal_evaluation.nocturnal_scores(people, seed)
    if not task.questions.episode.size:
        raise NothingToAsk("nobody has CGM at 23:00 and through the night that follows")
    report(f"{task.questions.episode.size} nights scored")
    _enough_to_learn(people, challengers)
    if challengers:
        scores |= _rivals("challenge").challenge(task, report)
        recurrent = _rivals("recurrent")
        network = recurrent.out_of_fold_nights(people, task, seed, report)
        scores[recurrent.NAME] = network.score[recurrent.NIGHT]
    return nocturnal_evaluation.report(people, task, scores, seed)


def _enough_to_learn(people: Sequence[Person], challengers: bool) -> None:
    if challengers and len(people) < FOLDS:
        raise NothingToAsk(f"rivals learn in {FOLDS} folds by person; the file holds {len(people)} people")


def _rivals(module: str) -> ModuleType:
    """Rivals that learn; their libraries are imported only when asked for."""
    return import_module(f"models.training.{module}")


EVALUATIONS: Final[Mapping[str, Evaluation]] = {
    **{name: partial(_short_term, judged) for name, judged in JUDGED.items()},
    "nocturnal": _nocturnal,
}
"""By the name of the task: people, whether rivals learn too, seed, progress."""
