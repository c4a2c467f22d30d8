"""A temporal convolution network as challenger of the glucose forecast: three hours, and the features.

Called by `forecast_challenge`; torch on a CUDA device where there is one, else on one thread; seeded, a few
passes only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.risk.causal_grid import Column, Slots, at_slots, held
from models.risk.glucose_forecast_features import UNKNOWN
from models.training.torch_device import training_device

Array = NDArray[np.float64]
Report = Callable[[str], None]

SEEN_SLOTS: Final = 36
CHANNELS: Final = 24
KERNEL: Final = 3
DILATIONS: Final = (1, 2, 4, 8)
HIDDEN: Final = 96
SCALE_MGDL: Final = 30.0
BATCH: Final = 512
PEAK_RATE: Final = 3e-3
WEIGHT_DECAY: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network sees of m questions: `traces` float64[m, 36] (differences, NaN where unknown), and
    `features` float64[m, k] as the trees take them."""

    traces: Array
    features: Array

    def take(self, rows: NDArray[np.bool_]) -> "Seen":
        """The questions selected by a mask."""
        return Seen(self.traces[rows], self.features[rows])


def traces(measured: Column, at: Slots) -> Array:
    """The last three hours before each slot as differences from the newest reading, newest last."""
    glucose, age = held(measured)
    newest = at - age[at]
    lags = np.arange(SEEN_SLOTS)[::-1]
    found: Array = at_slots(glucose, newest[:, None] - lags) - glucose[newest][:, None]
    return found


class TemporalConvolution(nn.Module):  # type: ignore[misc]
    """Dilated causal convolutions over the trace; their last state beside the features; two layers."""

    def __init__(self, features: int, horizons: int) -> None:
        super().__init__()
        widths = [2, *[CHANNELS] * len(DILATIONS)]
        self.steps = nn.ModuleList(
            nn.Conv1d(widths[place], CHANNELS, KERNEL, dilation=dilation)
            for place, dilation in enumerate(DILATIONS)
        )
        self.answer = nn.Sequential(
            nn.Linear(CHANNELS + features, HIDDEN), nn.GELU(), nn.Dropout(0.1), nn.Linear(HIDDEN, horizons)
        )

    def forward(self, trace: Any, features: Any) -> Any:
        """Changes in units of `SCALE_MGDL`, [m, horizons]."""
        state = trace
        for step, dilation in zip(self.steps, DILATIONS, strict=True):
            padded = nn.functional.pad(state, ((KERNEL - 1) * dilation, 0))
            state = nn.functional.gelu(step(padded))
        return self.answer(torch.cat([state[:, :, -1], features], dim=1))


@dataclass(frozen=True, slots=True)
class Network:
    """A fitted network and what it takes to feed it."""

    net: Any
    centre: Array
    spread: Array

    def inputs(self, seen: Seen) -> tuple[Any, Any]:
        """The trace with a channel that tells what was observed, and standardised features; 0 if unknown."""
        known = ~np.isnan(seen.traces)
        trace = np.stack([np.nan_to_num(seen.traces) / SCALE_MGDL, known], axis=1)
        standard = np.where(seen.features == UNKNOWN, 0.0, (seen.features - self.centre) / self.spread)
        return _tensor(trace), _tensor(standard)

    def change(self, seen: Seen) -> Array:
        """Expected changes, float64[m, horizons], mg/dL."""
        with torch.no_grad():
            parts = [self.net(*self.inputs(piece)).cpu().numpy() for piece in _pieces(seen)]
        return np.asarray(np.concatenate(parts), np.float64) * SCALE_MGDL


def fit(seen: Seen, change: Array, passes: int, seed: int, report: Report) -> Network:
    """Learns `change` float64[m, horizons] (NaN where unknown) by squared error."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    known = np.where(seen.features == UNKNOWN, np.nan, seen.features)
    centre, spread = np.nanmean(known, axis=0), np.nanstd(known, axis=0) + 1e-6
    net = TemporalConvolution(known.shape[1], change.shape[1]).to(training_device())
    network = Network(net, centre, spread)
    _learn(network, seen, change, passes, report)
    network.net.eval()
    return network


def _learn(network: Network, seen: Seen, change: Array, passes: int, report: Report) -> None:
    trace, features = network.inputs(seen)
    known, wanted = _tensor(~np.isnan(change)), _tensor(np.nan_to_num(change) / SCALE_MGDL)
    batches = -(-len(wanted) // BATCH)
    optimiser = torch.optim.AdamW(network.net.parameters(), weight_decay=WEIGHT_DECAY)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=passes * batches)
    for turn in range(passes):
        loss_sum = 0.0
        for rows in torch.randperm(len(wanted)).split(BATCH):
            error = (network.net(trace[rows], features[rows]) - wanted[rows]) ** 2 * known[rows]
            loss = error.sum() / known[rows].sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()
            loss_sum += float(loss.detach())
        report(f"network: pass {turn + 1} of {passes}, loss {loss_sum / batches:.4f}")


def _pieces(seen: Seen, size: int = 16_384) -> Sequence[Seen]:
    starts = range(0, len(seen.traces), size)
    return [Seen(seen.traces[s : s + size], seen.features[s : s + size]) for s in starts]


def _tensor(values: Any) -> Any:
    return torch.as_tensor(values, dtype=torch.float32, device=training_device())
