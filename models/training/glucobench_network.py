"""A small network for the GlucoBench protocol, which learns by the root mean squared error of whole windows.

Called by `glucobench_models`; torch on a CUDA device where there is one, else on one thread; seeded.
"""

from typing import Any, Final

import numpy as np
import torch
from torch import nn

from models.training.glucobench import FORECAST_POINTS, Array
from models.training.glucobench_models import Forecast, Training
from models.training.torch_device import training_device

POINTS: Final = 72
WIDTHS: Final = (96, 64)
DROPOUT: Final = 0.1
SCALE_MGDL: Final = 20.0
LEVEL_MGDL: Final = 110.0
BATCH: Final = 256
EPOCHS: Final = 12
MOST_STEPS: Final = 3_000
PEAK_RATE: Final = 4e-3
WEIGHT_DECAY: Final = 1e-3
SOFTENING: Final = 1e-3


def fit(training: Training) -> Forecast:
    """Learns the change from the newest value in the next hour."""
    seen = training.windows.seen
    torch.set_num_threads(1)
    torch.manual_seed(training.seed)
    net = _network()
    _learn(net, _inputs(seen), _tensor((training.windows.followed - seen[:, -1:]) / SCALE_MGDL))

    def forecast(asked: Array) -> Array:
        with torch.no_grad():
            change = np.asarray(net(_inputs(asked)).cpu().numpy(), np.float64)
        return asked[:, -1:] + SCALE_MGDL * change

    return forecast


def _network() -> Any:
    first, second = WIDTHS
    return nn.Sequential(
        nn.Linear(POINTS, first),
        nn.GELU(),
        nn.Dropout(DROPOUT),
        nn.Linear(first, second),
        nn.GELU(),
        nn.Linear(second, FORECAST_POINTS),
    ).to(training_device())


def _learn(net: Any, inputs: Any, change: Any) -> None:
    steps = min(EPOCHS * -(-len(inputs) // BATCH), MOST_STEPS)
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=WEIGHT_DECAY)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=steps)
    order = torch.randperm(len(inputs))
    for step in range(steps):
        start = step * BATCH % len(inputs)
        if start < BATCH:
            order = torch.randperm(len(inputs))
        rows = order[start : start + BATCH]
        error = ((net(inputs[rows]) - change[rows]) ** 2).mean(dim=1)
        optimiser.zero_grad()
        torch.sqrt(error + SOFTENING).mean().backward()
        optimiser.step()
        rate.step()
    net.eval()


def _inputs(seen: Array) -> Any:
    now = seen[:, -1:]
    return _tensor(np.c_[seen[:, -POINTS:-1] - now, now - LEVEL_MGDL] / SCALE_MGDL)


def _tensor(values: Array) -> Any:
    return torch.as_tensor(values, dtype=torch.float32, device=training_device())
