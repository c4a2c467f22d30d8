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
from models.training.therapy_experience import CASES, gather, joined

VERSION: Final = "1.0.0"
SERVED, LEFT_OUT = "models/dosing/value_of_action.json", "models/simulation/value_of_action_folds.json"

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How much experience, from which seed, on how many processes."""

    seed: int = 21
    first_draws: int = 8
    later_draws: int = 24
    jobs: int = 2


def train(settings: Settings, report: Report) -> dict[str, str]:
    """The artefacts by path: the model of all virtual patients, and the fold models that only the trial
    uses.
    """
    seeds = (
        np.random.SeedSequence(settings.seed)
        .generate_state(settings.first_draws + settings.later_draws)
        .tolist()
    )
    with ProcessPoolExecutor(settings.jobs) as pool:
        first = joined(pool.map(gather, seeds[: settings.first_draws]))
        report(f"{len(first.patient)} cases lived; fitting a first model")
        models = models_left_out(fit(first, VERSION).folds)
        policy = partial(learned_change, models)
        later = joined(pool.map(partial(gather, policy=policy), seeds[settings.first_draws :]))
    report(f"{len(later.patient)} cases lived near its choices; fitting the model")
    fitted = fit(joined((first, later)), VERSION)
    made_with = {
        "cases": CASES * (settings.first_draws + settings.later_draws),
        "settings": {key: value for key, value in asdict(settings).items() if key != "jobs"},
        "on_people_left_out": fitted.on_people_left_out,
    }
    return _files(fitted, made_with)


def _files(fitted: Fitted, made_with: dict[str, Any]) -> dict[str, str]:
    served = {"model": "value_of_action", **made_with, **fitted.everybody}
    return {
        SERVED: json.dumps(served, separators=(",", ":")) + "\n",
        LEFT_OUT: json.dumps({"folds": fitted.folds}, separators=(",", ":")) + "\n",
    }
