"""Makes the bandit of the trial: small networks learned from recorded choices and what came of them.

Sits on the same experience as the value of action; folds by patient are the same too. Torch is used here
only; the file holds plain arrays. A choice is worth the harm of its outcomes with the sign turned.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from models.dosing.therapy import Array
from models.dosing.value_of_action import harm, standardise
from models.simulation.bandit import FACTOR_SCALE
from models.training.fit_value_of_action import FOLDS, differences, fold_of, logged_features, rounded
from models.training.therapy_experience import DISTURBED, Experience
from models.training.train_value_of_action import Settings, lived

MEMBERS: Final = 3
HIDDEN: Final = 40
EPOCHS, BATCH = 30, 512
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-3
EXPERIENCE: Final = Settings(seed=21, first_draws=8, later_draws=24, lives=DISTURBED)
FILE: Final = "models/simulation/bandit_folds.json"

Report = Callable[[str], None]


def train(settings: Settings, report: Report) -> dict[str, str]:
    """The artefact by path: one ensemble per fold, each with the patients it never saw."""
    return learned_from(lived(settings, report), settings.seed, report)


def learned_from(experience: Experience, seed: int, report: Report) -> dict[str, str]:
    """The artefact that this experience gives."""
    logged = logged_features(experience.names)
    x = np.where(logged, np.log1p(np.maximum(experience.features, 0.0)), experience.features)
    centre, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = standardise(experience.features, logged, centre, scale)
    inputs = _inputs(z, experience.log_factors)
    value = -harm(differences(experience))
    fold = fold_of(experience.patient)
    folds = []
    for left_out in range(FOLDS):
        learn = fold != left_out
        members = [
            _member(inputs[learn], value[learn], seed + MEMBERS * left_out + i) for i in range(MEMBERS)
        ]
        names = sorted(set(experience.patient[~learn].tolist()))
        folds.append({"left_out": names, "members": members})
        report(f"bandit: fold {left_out + 1} of {FOLDS}")
    content = {
        "features": list(experience.names),
        "logged": logged.tolist(),
        "centre": rounded(centre),
        "scale": rounded(scale),
        "seed": seed,
        "cases": len(experience.patient),
        "folds": folds,
    }
    return {FILE: json.dumps(content, separators=(",", ":")) + "\n"}


def _inputs(z: Array, log_factors: Array) -> Array:
    """Features beside scaled factors, (n, m, k + 6); the first therapy of a case is the unchanged one."""
    context = np.repeat(z[:, None, :], log_factors.shape[1], axis=1)
    return np.concatenate([context, FACTOR_SCALE * log_factors], axis=-1)


def _member(inputs: Array, value: Array, seed: int) -> list[list[Any]]:
    """One network as [[weights, bias], ...], from cases drawn with replacement."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Linear(inputs.shape[-1], HIDDEN),
        nn.Tanh(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.Tanh(),
        nn.Linear(HIDDEN, 1),
    )
    drawn = torch.randint(len(inputs), (len(inputs),), generator=generator)
    x = torch.as_tensor(inputs, dtype=torch.float32)[drawn]
    y = torch.as_tensor(value, dtype=torch.float32)[drawn]
    unchanged = x[:, :1].expand(-1, x.shape[1] - 1, -1).reshape(-1, x.shape[2])
    _learn(network, x[:, 1:].reshape(-1, x.shape[2]), unchanged, y[:, 1:].reshape(-1), generator)
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    return [[rounded(_array(layer.weight.T)), rounded(_array(layer.bias))] for layer in layers]


def _learn(
    network: nn.Module, x: torch.Tensor, unchanged: torch.Tensor, y: torch.Tensor, generator: torch.Generator
) -> None:
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = EPOCHS * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x), generator=generator)[: len(x) // BATCH * BATCH].split(BATCH):
            stated = network(x[rows]) - network(unchanged[rows])
            loss = nn.functional.huber_loss(stated.squeeze(-1), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()


def _array(parameter: torch.Tensor) -> Array:
    return np.asarray(parameter.detach().numpy(), np.float64)
