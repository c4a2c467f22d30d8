"""All algorithms on people left out of them, recorded as one JSON file a question.

What the page of an evaluation shows beside the people at hand; made again by `wearable-cds train comparison`.
The served kind of model is quoted from its own record, which was made in the same folds.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from models.risk import nocturnal_hypoglycemia
from models.risk.hypoglycemia import HYPOGLYCEMIA
from models.training import nocturnal_evaluation, short_term_evaluation
from models.training.artefact import Report
from models.training.cgm_people import Person, read_people, sha256_of
from models.training.challenge import SEED, rivals
from models.training.challengers import CHALLENGERS
from models.training.measure import ranking
from models.training.patient_bootstrap import bootstrap_intervals
from models.training.recurrent import MOST_ROWS, Learned, out_of_fold_network
from models.training.recurrent import NAME as NETWORK
from models.training.short_term_evaluation import JUDGED
from models.training.short_term_windows import HORIZONS_MIN, Windows, questions, task_of

SERVED: Final = short_term_evaluation.SERVED
MOST_LEARNED_FROM: Final = {name: most for name, (_, most) in CHALLENGERS.items()} | {NETWORK: MOST_ROWS}
"""A sample, drawn at random from the questions of the people learned from; all are asked about."""

TITLE: Final = "A new episode within {} minutes"


def compare(path: Path, report: Report) -> dict[str, str]:
    """The records by file name."""
    people = tuple(person for person in read_people(path) if questions(person).size)
    windows, plain = short_term_evaluation.unfitted_scores(JUDGED[HYPOGLYCEMIA.name], people, SEED)
    network = out_of_fold_network(people, windows, SEED, report)
    made_from = {"people": len(people), "data_sha256": {path.name: sha256_of(path)}}
    records = {
        f"hypoglycemia_{h:03}": _hypoglycemia(windows, h, plain, network, report) for h in HORIZONS_MIN
    }
    records["nocturnal"] = _nocturnal(people, report)
    return {f"{name}.json": _readable(record | made_from) for name, record in records.items()}


def _hypoglycemia(
    windows: Windows, horizon: int, plain: Mapping[str, Any], network: Learned, report: Report
) -> dict[str, Any]:
    task = task_of(windows, horizon)
    scores = {name: by[horizon] for name, by in plain.items() if name != SERVED}
    found = rivals(task, report)
    scores |= {n: short_term_evaluation.spread(windows, horizon, score) for n, score in found.score.items()}
    scores[NETWORK] = network.score[horizon]
    models = {SERVED: HYPOGLYCEMIA.tables[horizon].facts["on_people_left_out"]} | {
        name: short_term_evaluation.metrics_of(windows, horizon, score, SEED)
        for name, score in scores.items()
    }
    return {
        "task": "hypoglycemia",
        "title": TITLE.format(horizon),
        "windows": int(task.questions.episode.size),
        "models": models,
        "loss": {NETWORK: network.loss, **found.loss},
    }


def _nocturnal(people: Sequence[Person], report: Report) -> dict[str, Any]:
    task, plain = nocturnal_evaluation.nocturnal_scores(people, SEED)
    found = rivals(task, report)
    scores = {name: score for name, score in plain.items() if name != SERVED} | dict(found.score)
    asked = task.questions
    models = {SERVED: nocturnal_hypoglycemia.TABLE.facts["on_people_left_out"]} | {
        name: ranking(asked.episode, score) | bootstrap_intervals(asked.person, asked.episode, score, SEED)
        for name, score in scores.items()
    }
    return {
        "task": "nocturnal",
        "title": "An episode between midnight and 06:00, asked at 23:00",
        "windows": int(asked.episode.size),
        "models": models,
        "loss": found.loss,
    }


def _readable(record: Mapping[str, Any]) -> str:
    """JSON with one algorithm a line."""
    most = {name: MOST_LEARNED_FROM[name] for name in record["models"] if name in MOST_LEARNED_FROM}
    record = {**record, "questions_learned_from_at_most": most}
    head = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items() if key != "models"]
    models = [f"    {json.dumps(name)}: {json.dumps(found)}" for name, found in record["models"].items()]
    return "{\n" + ",\n".join(head) + ',\n  "models": {\n' + ",\n".join(models) + "\n  }\n}\n"
