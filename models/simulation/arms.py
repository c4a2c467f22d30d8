"""The arms of a trial of setting adjustment: each looks at a review and gives the therapy until the next one.

Sits between the dosing models and the trial. An arm is a function; it sees what a clinic would see and never
the patient's parameters. The reference arm is the exception, and the yardstick.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.dosing.setting_actions import applied
from models.dosing.setting_features import TherapyRecord
from models.dosing.setting_guards import guarded, lows_forbid_more_insulin
from models.dosing.setting_rules import propose_by_rules
from models.dosing.therapy import Array, Therapy
from models.dosing.value_of_action import ValueModel, best_changes, parse_model
from models.simulation.bandit import chosen_by_bandit, packaged_bandits


@dataclass(frozen=True)
class Review:
    """What n patients bring to a visit.

    Attributes:
        patient: (n,) names, only to keep a learned model away from those it was trained on.
        record, features: of the days since the last visit.
        reference: the settings that came with the virtual patients.
        earlier: the reviews before this one, oldest first.
    """

    patient: NDArray[np.str_]
    record: TherapyRecord
    features: dict[str, Array]
    reference: Therapy
    earlier: tuple["Review", ...] = ()


Arm = Callable[[Review], Therapy]


def no_change(review: Review) -> Therapy:
    """Leave the settings as they are."""
    return review.record.therapy


def reference_settings(review: Review) -> Therapy:
    """The settings that came with the virtual patients."""
    return review.reference


def by_rules(review: Review) -> Therapy:
    """The hand-written rules, within the guards."""
    each = [
        propose_by_rules({name: float(value[i]) for name, value in review.features.items()})
        for i in range(len(review.patient))
    ]
    only_reductions = lows_forbid_more_insulin(review.features["tbr"], review.features["tbr54"])
    return applied(review.record.therapy, guarded(np.array([c.log_factors for c in each]), only_reductions))


def by_value_of_action(review: Review) -> Therapy:
    """The learned value of action, within the guards; for each patient a model that was trained on others."""
    log_factors = learned_change(packaged_fold_models(), review.patient, review.features)
    return applied(review.record.therapy, log_factors)


def learned_change(
    models: Mapping[str, ValueModel], patient: NDArray[np.str_], features: Mapping[str, Array]
) -> Array:
    """The guarded choice of each patient's model as log insulin factors, (n, parts)."""
    only_reductions = lows_forbid_more_insulin(features["tbr"], features["tbr54"])
    chosen = []
    for i, name in enumerate(patient):
        one = {key: value[i : i + 1] for key, value in features.items()}
        chosen += best_changes(models[str(name)], one, only_reductions[i : i + 1])
    return guarded(np.array([change.log_factors for change in chosen]), only_reductions)


def by_bandit(review: Review) -> Therapy:
    """The learned policy that doubts itself, within the guards; never one that was trained on the patient."""
    only_reductions = lows_forbid_more_insulin(review.features["tbr"], review.features["tbr54"])
    chosen = []
    for i, name in enumerate(review.patient):
        one = {key: value[i : i + 1] for key, value in review.features.items()}
        chosen += chosen_by_bandit(packaged_bandits()[str(name)], one, only_reductions[i : i + 1])
    log_factors = np.array([change.log_factors for change in chosen])
    return applied(review.record.therapy, guarded(log_factors, only_reductions))


def models_left_out(folds: Sequence[Mapping[str, Any]]) -> dict[str, ValueModel]:
    """For each virtual patient the model of the fold that left it out."""
    parsed = [(fold["left_out"], parse_model(fold)) for fold in folds]
    return {name: model for left_out, model in parsed for name in left_out}


@cache
def packaged_fold_models() -> dict[str, ValueModel]:
    """The fold models that were made together with the served one."""
    text = files("models.simulation").joinpath("value_of_action_folds.json").read_text("utf-8")
    return models_left_out(json.loads(text)["folds"])


ARMS: Mapping[str, Arm] = {
    "none": no_change,
    "reference": reference_settings,
    "rules": by_rules,
    "value-of-action": by_value_of_action,
    "rl": by_bandit,
}
