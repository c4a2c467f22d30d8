"""Makes the value-of-action model again: experience in simulation, a first model, experience near its
choices, the model.

`train(settings, report)` is deterministic for its seed; the command line writes the files. Minutes on two
cores.
"""

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from models.simulation.arms import learned_change, models_left_out
from models.training.fit_value_of_action import Fitted, fit
from models.training.therapy_experience import HALF_DISTURBED, Experience, Lives, gather, joined

VERSION: Final = "1.0.0"
SERVED, LEFT_OUT = "models/dosing/value_of_action.json", "models/simulation/value_of_action_folds.json"

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How much experience, of which lives, from which seed, on how many processes."""

    seed: int = 20
    first_draws: int = 40
    later_draws: int = 50
    lives: Lives = HALF_DISTURBED
    jobs: int = 2


def train(settings: Settings, report: Report) -> dict[str, str]:
    """The artefacts by path: the model of all virtual patients, and the fold models that only the trial
    uses.
    """
    fitted = fit(lived(settings, report), VERSION)
    made_with = {
        "cases": settings.lives.cases * (settings.first_draws + settings.later_draws),
        "settings": {key: value for key, value in asdict(settings).items() if key != "jobs"},
        "on_people_left_out": fitted.on_people_left_out,
    }
    return _files(fitted, made_with)


def lived(settings: Settings, report: Report) -> Experience:
    """What is learned from: cases at random, then cases near the choices of a first model."""
    seeds = (
        np.random.SeedSequence(settings.seed)
        .generate_state(settings.first_draws + settings.later_draws)
        .tolist()
    )
    with ProcessPoolExecutor(settings.jobs) as pool:
        first = joined(pool.map(partial(gather, lives=settings.lives), seeds[: settings.first_draws]))
        report(f"{len(first.patient)} cases lived; fitting a first model")
        models = models_left_out(fit(first, VERSION).folds)
        policy = partial(learned_change, models)
        near = partial(gather, lives=settings.lives, policy=policy)
        later = joined(pool.map(near, seeds[settings.first_draws :]))
    report(f"{len(later.patient)} cases lived near its choices")
    return joined((first, later))


def _files(fitted: Fitted, made_with: dict[str, Any]) -> dict[str, str]:
    served = {"model": "value_of_action", **made_with, **fitted.everybody}
    return {
        SERVED: json.dumps(served, separators=(",", ":")) + "\n",
        LEFT_OUT: json.dumps({"folds": fitted.folds}, separators=(",", ":")) + "\n",
    }
