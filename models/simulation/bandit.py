"""A learned policy beside the value of action: a contextual bandit of small networks that doubts itself.

Sits among the arms of the trial only; no service reads it. Each member of an ensemble states what a change is
worth; the policy takes the mean less the spread, so that it avoids what the recorded choices tell it little
about (pessimism of offline reinforcement learning: Jin, Yang, Wang, ICML 2021). Same changes, same guards.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.dosing.setting_actions import SettingChange, all_changes
from models.dosing.setting_guards import permitted
from models.dosing.therapy import Array
from models.dosing.value_of_action import standardise

FILE: Final = "bandit_folds.json"
FACTOR_SCALE: Final = 8.0
"""Log insulin factors enter times this, so that they are about as large as the features."""

DOUBT: Final = 1.0
"""How many standard deviations of the ensemble are taken off the mean."""

Layers = tuple[tuple[Array, Array], ...]


@dataclass(frozen=True)
class Bandit:
    """An ensemble of networks over k features and 6 log insulin factors; each layer is (weights, bias)."""

    features: tuple[str, ...]
    logged: NDArray[np.bool_]
    centre: Array
    scale: Array
    members: tuple[Layers, ...]


def worth(bandit: Bandit, features: Mapping[str, Array], log_factors: Array) -> Array:
    """What each change is worth after doubt, more is better, (n, changes). No change is worth 0.

    `log_factors` is (changes, 6). Raises KeyError for a missing feature.
    """
    raw = np.stack([np.asarray(features[name], np.float64) for name in bandit.features], axis=-1)
    z = standardise(raw, bandit.logged, bandit.centre, bandit.scale)
    members = np.stack([_worth_to(member, z, log_factors * FACTOR_SCALE) for member in bandit.members])
    return np.asarray(members.mean(axis=0) - DOUBT * members.std(axis=0))


def chosen_by_bandit(
    bandit: Bandit, features: Mapping[str, Array], only_reductions: NDArray[np.bool_]
) -> list[SettingChange]:
    """The permitted change worth most for each of n patients; none where none is worth anything."""
    changes = all_changes()
    value = worth(bandit, features, np.array([change.log_factors for change in changes]))
    best = np.where(permitted(changes, only_reductions), value, -np.inf).argmax(axis=1)
    return [changes[i] for i in best]


def parse_bandit(content: Mapping[str, Any]) -> Bandit:
    """A policy from the content of its file."""
    return Bandit(
        features=tuple(content["features"]),
        logged=np.array(content["logged"], bool),
        centre=np.array(content["centre"], np.float64),
        scale=np.array(content["scale"], np.float64),
        members=tuple(
            tuple((np.array(w, np.float64), np.array(b, np.float64)) for w, b in member)
            for member in content["members"]
        ),
    )


@cache
def packaged_bandits() -> dict[str, Bandit]:
    """For each virtual patient the policy of the fold that left it out."""
    content = json.loads(files("models.simulation").joinpath(FILE).read_text("utf-8"))
    parsed = [(fold["left_out"], parse_bandit(content | fold)) for fold in content["folds"]]
    return {name: bandit for left_out, bandit in parsed for name in left_out}


def _worth_to(member: Layers, z: Array, scaled_factors: Array) -> Array:
    """One network's opinion relative to no change, (n, changes)."""
    (weights, bias), *later = member
    k = z.shape[1]
    context = z @ weights[:k] + bias
    changed = context[:, None, :] + scaled_factors @ weights[k:]
    return np.asarray(_through(later, changed) - _through(later, context[:, None, :]))


def _through(layers: list[tuple[Array, Array]], hidden: Array) -> Array:
    for weights, bias in layers:
        hidden = np.tanh(hidden) @ weights + bias
    return np.asarray(hidden[..., 0])
