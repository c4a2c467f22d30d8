"""A recurrent network as a challenger: the last three hours as a sequence, the person's history beside it.

Asked by `evaluate` and `compare` for lows, highs and nights; torch comes with the extra `train`. One network
states all horizons. It sees a sample of the questions of the people it learns from, to fit on a CPU.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.risk.causal_grid import SLOTS_PER_HOUR, at_slots, held
from models.risk.glucose_risk_features import TYPICAL_MGDL
from models.training.cgm_people import Person
from models.training.patient_folds import FOLDS, check_split, fold_of_people
from models.training.short_term_windows import Windows
from models.training.task import Task
from models.training.torch_device import training_device

NAME: Final = "recurrent_network"

NIGHT: Final = 0
"""A night has no horizon in minutes; this stands for it among the answers."""

SEQUENCE_SLOTS: Final = 3 * SLOTS_PER_HOUR
SCALE_MGDL: Final = 40.0
MOST_SD: Final = 5.0
"""Changes are learned in units of about one SD of glucose."""

HIDDEN: Final = 32
EPOCHS: Final = 4
NIGHT_EPOCHS: Final = 16
"""Nights are a few thousand, so each is seen more often."""

BATCH: Final = 512
LEARNING_RATE: Final = 3e-3
MOST_ROWS: Final = 40_000
SHOWN_ROWS: Final = 20_000
"""Questions that a network learns from, and that its loss on people left out is told for."""

AT_ONCE: Final = 20_000

Array32 = NDArray[np.float32]
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """m questions: `series` float32[m, 36, 2] (change to now, known), `history` float32[m, f], the answers
    `episode` float32[m, horizons], NaN where unknown; a night has one.
    """

    series: Array32
    history: Array32
    episode: Array32

    def at(self, rows: NDArray[np.int64]) -> list[torch.Tensor]:
        """Series, history and answers of some questions."""
        parts = (self.series, self.history, self.episode)
        return [torch.from_numpy(part[rows]).to(training_device()) for part in parts]


@dataclass(frozen=True, slots=True)
class Learned:
    """Out-of-fold probabilities float64[m] by horizon, and log loss by epoch, mean over the folds.

    `learned_from` is the largest number of questions that it learned from in a fold.
    """

    score: Mapping[int, NDArray[np.float64]]
    loss: Mapping[str, list[float]]
    learned_from: int


def out_of_fold_nights(people: Sequence[Person], task: Task, seed: int, report: Report) -> Learned:
    """The same for the questions of `nocturnal_windows.task_of`; the score is that of `NIGHT`."""
    at = task.questions
    names = tuple(person.name for person in people)
    nights = Windows(names, dict(task.features), {NIGHT: at.episode}, {}, at.person, at.slot, task.directions)
    return out_of_fold_network(people, nights, seed, report, NIGHT_EPOCHS)


def out_of_fold_network(
    people: Sequence[Person], windows: Windows, seed: int, report: Report, epochs: int = EPOCHS
) -> Learned:
    """One network a fold of people; it is asked about the people it did not learn from."""
    seen = seen_by_network(people, windows)
    fold = fold_of_people(len(people), seed)[windows.person]
    score = np.full((fold.size, len(windows.episode)), np.nan)
    losses, learned_from = [], 0
    for left_out in range(FOLDS):
        known, asked = np.flatnonzero(fold != left_out), np.flatnonzero(fold == left_out)
        check_split(windows.person, fold != left_out, fold == left_out)
        network, loss = _learn(seen, (known, asked), seed + left_out, epochs)
        score[asked] = _probability(network, seen, asked)
        losses.append(loss)
        learned_from = max(learned_from, min(MOST_ROWS, known.size))
        report(f"{NAME}: fold {left_out + 1} of {FOLDS}")
    mean = np.asarray(losses, np.float64).mean(axis=0).round(5)
    return Learned(
        {horizon: score[:, column] for column, horizon in enumerate(windows.episode)},
        {"learned_from": mean[:, 0].tolist(), "left_out": mean[:, 1].tolist()},
        learned_from,
    )


def seen_by_network(people: Sequence[Person], windows: Windows) -> Seen:
    """The sequences before each question, and the features of the additive model, standardised."""
    series = np.concatenate(
        [_series(person, windows.slot[windows.person == number]) for number, person in enumerate(people)]
    )
    history = np.stack([_standardised(column) for column in windows.features.values()], axis=1)
    episode = np.stack(list(windows.episode.values()), axis=1)
    return Seen(series, history.astype(np.float32), episode.astype(np.float32))


def _standardised(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean 0 and SD 1 where known, 0 where not."""
    known = ~np.isnan(column)
    if not known.any():
        return np.zeros(column.size)
    sd = float(column[known].std()) or 1.0
    return np.where(known, (column - column[known].mean()) / sd, 0.0).clip(-MOST_SD, MOST_SD)


def _series(person: Person, slot: NDArray[np.int64]) -> Array32:
    glucose, _ = held(person.measured)
    back = np.arange(SEQUENCE_SLOTS)[::-1, None]
    values = at_slots(glucose, slot - person.first_slot - back).T
    known = ~np.isnan(values)
    now = np.nan_to_num(values[:, -1:], nan=TYPICAL_MGDL)
    return np.stack([np.where(known, (values - now) / SCALE_MGDL, 0.0), known], axis=2).astype(np.float32)


def _learn(
    seen: Seen, split: tuple[NDArray[np.int64], NDArray[np.int64]], seed: int, epochs: int
) -> tuple[Any, Any]:
    known, asked = split
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    rows = rng.choice(known, min(MOST_ROWS, known.size), replace=False)
    shown = rng.choice(asked, min(SHOWN_ROWS, asked.size), replace=False)
    network = _network(seen.history.shape[1], seen.episode.shape[1])
    optimiser = torch.optim.Adam(network.parameters(), LEARNING_RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(rows)
        batches = [order[first : first + BATCH] for first in range(0, order.size, BATCH)]
        learned = [_step(network, optimiser, seen.at(batch)) for batch in batches]
        schedule.step()
        with torch.no_grad():
            losses.append([float(np.mean(learned)), float(_loss(network, *seen.at(shown)))])
    return network, losses


def _network(features: int, answers: int) -> Any:
    head = nn.Sequential(nn.Linear(HIDDEN + features, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, answers))
    network = nn.ModuleDict({"recurrent": nn.GRU(2, HIDDEN, batch_first=True), "head": head})
    return network.to(training_device())


def _log_odds(network: Any, series: torch.Tensor, history: torch.Tensor) -> torch.Tensor:
    _, hidden = network["recurrent"](series)
    stated: torch.Tensor = network["head"](torch.cat([hidden[-1], history], dim=1))
    return stated


def _loss(network: Any, series: torch.Tensor, history: torch.Tensor, episode: torch.Tensor) -> torch.Tensor:
    known = ~torch.isnan(episode)
    stated = _log_odds(network, series, history)
    return nn.functional.binary_cross_entropy_with_logits(stated[known], episode[known])


def _step(network: Any, optimiser: Any, batch: list[torch.Tensor]) -> float:
    optimiser.zero_grad()
    loss = _loss(network, *batch)
    loss.backward()
    optimiser.step()
    return float(loss.detach())


def _probability(network: Any, seen: Seen, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    parts = [rows[first : first + AT_ONCE] for first in range(0, rows.size, AT_ONCE)]
    with torch.no_grad():
        stated = [torch.sigmoid(_log_odds(network, *seen.at(part)[:2])).cpu().numpy() for part in parts]
    return np.concatenate(stated).astype(np.float64)
