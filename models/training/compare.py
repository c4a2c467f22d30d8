"""All algorithms on people left out of them, recorded as one JSON file a question.

What the page of an evaluation shows beside the people at hand; made again by `wearable-cds train comparison`.
The served model is quoted from its own tables, which were judged in the same folds; after these are made
again, `wearable-cds train quoted_comparison` quotes them anew and fits nothing.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.risk import nocturnal_hypoglycemia
from models.risk.hypoglycemia import HYPOGLYCEMIA
from models.training import nocturnal_evaluation, short_term_evaluation
from models.training.artefact import Report
from models.training.cgm_people import Person, read_people, sha256_of
from models.training.challenge import SEED, Rival, rivals
from models.training.challengers import CHALLENGERS
from models.training.comparison_code import sha256_of_comparison
from models.training.measure import measure, ranking
from models.training.nocturnal_windows import ASKED_MIN, LEARNED_MIN, asked_at, task_of
from models.training.patient_bootstrap import bootstrap_intervals
from models.training.recurrent import NAME as NETWORK
from models.training.recurrent import NIGHT as NIGHT_ANSWER
from models.training.recurrent import out_of_fold_network, out_of_fold_nights
from models.training.results import RESULTS
from models.training.short_term_evaluation import JUDGED, SERVED, Judged
from models.training.short_term_windows import HORIZONS_MIN, Windows, questions
from models.training.short_term_windows import task_of as task_within
from models.training.task import Task
from models.training.train_short_term import without_some_clocks

NIGHT: Final = "nocturnal"
TASKS: Final = (*JUDGED, NIGHT)


@dataclass(frozen=True, slots=True)
class Question:
    """What one record is about; a night has no horizon."""

    task: str
    horizon_min: int | None = None

    @property
    def file(self) -> str:
        """The record's name."""
        return f"{self.task}.json" if self.horizon_min is None else f"{self.task}_{self.horizon_min:03}.json"

    @property
    def title(self) -> str:
        """What is asked, in words."""
        if self.horizon_min is None:
            return "An episode between midnight and 06:00, asked at 23:00"
        low = self.task == HYPOGLYCEMIA.name
        return f"A new {'low' if low else 'high'} within {self.horizon_min} minutes"

    def served(self) -> Mapping[str, Any]:
        """How the served model did on people left out, by its own table."""
        if self.horizon_min is None:
            table = nocturnal_hypoglycemia.TABLE
        else:
            table = JUDGED[self.task].model.tables[self.horizon_min]
        found: Mapping[str, Any] = table.facts["on_people_left_out"]
        return found


def compare(path: Path, report: Report) -> dict[str, str]:
    """The records by file name."""
    people = read_people(path)
    found = [night_record(people, _of_nights(people, report))]
    found += [record for judged in JUDGED.values() for record in _within_hours(judged, people, report)]
    return {file: readable(record | made_from(path)) for file, record in found}


def made_from(path: Path) -> dict[str, Any]:
    """The data and the code, as hashes."""
    return {"data_sha256": {path.name: sha256_of(path)}, "code_sha256": sha256_of_comparison()}


def quoted() -> dict[str, str]:
    """The records by file name, with the served model as its tables state it now; nothing is fitted."""
    kept = [(Question(r["task"], r.get("horizon_min")), r) for r in RESULTS if r["task"] in TASKS]
    return {
        asked.file: readable(record | {"models": {**record["models"], SERVED: asked.served()}})
        for asked, record in kept
    }


def _within_hours(
    judged: Judged, people: Sequence[Person], report: Report
) -> Iterator[tuple[str, dict[str, Any]]]:
    """One record a horizon; LeakError where a feature knows the future."""
    people = tuple(person for person in people if questions(person, judged.event).size)
    windows, plain = short_term_evaluation.unfitted_scores(judged, people, SEED)
    windows = without_some_clocks(windows)
    networks = _networks(people, windows, report)
    for horizon in HORIZONS_MIN:
        task = task_within(windows, horizon, judged.event)
        known = _answered(windows, horizon)
        unfitted = [Rival(name, by[horizon][known]) for name, by in plain.items() if name != SERVED]
        learned = rivals(task, tuple(CHALLENGERS), report)
        everybody = [*unfitted, *learned, networks[horizon]]
        yield hours_record(Question(judged.model.name, horizon), task, everybody)


def _networks(people: Sequence[Person], windows: Windows, report: Report) -> dict[int, Rival]:
    """The recurrent network by horizon."""
    found = out_of_fold_network(people, windows, SEED, report)
    return {
        horizon: Rival(NETWORK, score[_answered(windows, horizon)], dict(found.loss), found.learned_from)
        for horizon, score in found.score.items()
    }


def _answered(windows: Windows, horizon: int) -> NDArray[np.bool_]:
    return ~np.isnan(windows.episode[horizon])


def hours_record(asked: Question, task: Task, found: Sequence[Rival]) -> tuple[str, dict[str, Any]]:
    """File name and record of one horizon."""
    at, label = task.questions, task.questions.episode
    metrics = {
        rival.name: measure(at, rival.score) | bootstrap_intervals(at.person, label, rival.score, SEED)
        for rival in found
    }
    return asked.file, _record(asked, task, metrics, found)


def _of_nights(people: Sequence[Person], report: Report) -> list[Rival]:
    """Scores of the nights asked about at 23:00 by rivals that learn, as the served model, half an hour
    earlier and later too.
    """
    task = task_of(people, LEARNED_MIN)
    at = asked_at(task.questions, ASKED_MIN)
    network = out_of_fold_nights(people, task, SEED, report)
    recurrent = Rival(NETWORK, network.score[NIGHT_ANSWER], dict(network.loss), network.learned_from)
    return [
        Rival(rival.name, rival.score[at], rival.loss, rival.learned_from)
        for rival in [*rivals(task, tuple(CHALLENGERS), report), recurrent]
    ]


def night_record(people: Sequence[Person], found: Sequence[Rival]) -> tuple[str, dict[str, Any]]:
    """File name and record of the nights; LeakError where a feature knows the future."""
    task, plain = nocturnal_evaluation.nocturnal_scores(people, SEED)
    everybody = [*(Rival(name, score) for name, score in plain.items() if name != SERVED), *found]
    person, label = task.questions.person, task.questions.episode
    metrics = {
        rival.name: ranking(label, rival.score) | bootstrap_intervals(person, label, rival.score, SEED)
        for rival in everybody
    }
    asked = Question(NIGHT)
    return asked.file, _record(asked, task, metrics, everybody)


def _record(
    asked: Question, task: Task, metrics: Mapping[str, Any], found: Sequence[Rival]
) -> dict[str, Any]:
    horizon = {} if asked.horizon_min is None else {"horizon_min": asked.horizon_min}
    return {
        "task": asked.task,
        **horizon,
        "title": asked.title,
        "people": len(set(task.questions.person.tolist())),
        "windows": int(task.questions.episode.size),
        "loss": {rival.name: rival.loss for rival in found if rival.loss},
        "questions_learned_from_at_most": {r.name: r.learned_from for r in found if r.learned_from},
        "models": {SERVED: asked.served(), **metrics},
    }


def readable(record: Mapping[str, Any]) -> str:
    """JSON with one algorithm a line."""
    head = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items() if key != "models"]
    models = [f"    {json.dumps(name)}: {json.dumps(found)}" for name, found in record["models"].items()]
    return "{\n" + ",\n".join(head) + ',\n  "models": {\n' + ",\n".join(models) + "\n  }\n}\n"
