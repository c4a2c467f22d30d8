"""Chooses one setting by cross-validation on people left out, and records what each value came to.

Sits between the questions of a task and every `train_*` that tunes; the fits are those of `artefact`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from models.training.artefact import Calibration, Report, out_of_fold
from models.training.fit_additive import Settings as AdditiveSettings
from models.training.fit_pairwise import Settings as PairwiseSettings
from models.training.metrics import auprc, auroc, log_loss
from models.training.task import Task

Settings = TypeVar("Settings", AdditiveSettings, PairwiseSettings)

METRICS: Final = (log_loss, auroc, auprc)

SIZE_PRICE: Final = 1e-3
"""A larger value must bring at least a thousandth less loss (our judgement)."""


def tuned(
    task: Task, settings: Settings, varied: tuple[str, Sequence[int]], refits: int, report: Report
) -> tuple[Settings, list[dict[str, Any]]]:
    """The settings with the smallest value whose log loss is near the best one, and the record of all.

    Values ascend, and a larger one makes a larger file. Each trial averages so many `refits`: fewer than are
    served, for they only compare.
    """
    (name, values), episode = varied, task.questions.episode
    tried: list[dict[str, Any]] = []
    for value in values:
        trial = replace(settings, **{name: value, "validation_refits": refits})
        stated = out_of_fold(task, trial, report)
        right = Calibration.of(episode, stated).applied(stated)
        scores = {metric.__name__: round(metric(episode, right), 6) for metric in METRICS}
        tried.append({"model": task.model, name: value, **scores})
    enough = (1 + SIZE_PRICE) * min(float(found["log_loss"]) for found in tried)
    chosen = next(found[name] for found in tried if found["log_loss"] <= enough)
    return replace(settings, **{name: chosen}), tried
