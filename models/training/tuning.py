"""Chooses one setting by cross-validation on people left out, and records what each value came to.

Sits between the questions of a task and every `train_*` that tunes; the fits are those of `artefact`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from models.training.artefact import Report, out_of_fold
from models.training.fit_additive import Settings as AdditiveSettings
from models.training.fit_pairwise import Settings as PairwiseSettings
from models.training.metrics import auprc, auroc, log_loss
from models.training.task import Task

Settings = TypeVar("Settings", AdditiveSettings, PairwiseSettings)

METRICS = (log_loss, auroc, auprc)


def tuned(
    task: Task, settings: Settings, varied: tuple[str, Sequence[int]], refits: int, report: Report
) -> tuple[Settings, list[dict[str, Any]]]:
    """The settings with the value of the varied one that has the smallest log loss, and the record of all.

    Each trial averages so many `refits`: fewer than are served, for they only compare.
    """
    name, values = varied
    tried: list[dict[str, Any]] = []
    for value in values:
        trial = replace(settings, **{name: value, "validation_refits": refits})
        stated = out_of_fold(task, trial, report)
        scores = {metric.__name__: round(metric(task.questions.episode, stated), 6) for metric in METRICS}
        tried.append({"model": task.model, name: value, **scores})
    best = min(tried, key=lambda found: float(found["log_loss"]))
    return replace(settings, **{name: best[name]}), tried
