"""Networks learn on the device that torch finds; with CPU alone nothing changes."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

import torch

from models.training import forecast_network, glucobench_network, recurrent, torch_device
from models.training.glucobench import DATASETS, training_windows
from models.training.glucobench_models import Training


@pytest.mark.parametrize(("there", "device"), [(True, "cuda"), (False, "cpu")])
def test_the_device_is_cuda_where_torch_finds_it(monkeypatch, there, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert torch_device.training_device().type == device


def test_every_tensor_and_weight_of_the_networks_is_on_that_device(monkeypatch):
    for module in (forecast_network, glucobench_network):  # "meta" takes tensors and needs no hardware
        monkeypatch.setattr(module, "training_device", lambda: torch.device("meta"))
        assert module._tensor(np.zeros(3)).device.type == "meta"
    weights = glucobench_network._network().parameters()
    assert {weight.device.type for weight in weights} == {"meta"}


def test_every_tensor_and_weight_of_the_recurrent_network_is_on_that_device(monkeypatch):
    monkeypatch.setattr(recurrent, "training_device", lambda: torch.device("meta"))
    seen = recurrent.Seen(*(np.zeros((4, *shape), np.float32) for shape in ((36, 2), (5,), (3,))))
    network = recurrent._network(5, 3)
    found = [
        *network.parameters(),
        *seen.at(np.arange(4)),
        recurrent._log_odds(network, *seen.at(np.arange(4))[:2]),
    ]
    assert {tensor.device.type for tensor in found} == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_network_learned_on_cuda_forecasts_as_one_learned_on_the_processor():
    rng = np.random.default_rng(1)
    windows = training_windows([120 + np.cumsum(rng.normal(0, 2, 1500))], DATASETS["hall"], 5_000, 0)
    forecast = glucobench_network.fit(Training(windows, DATASETS["hall"], 0))
    error = forecast(windows.seen) - windows.followed
    assert np.sqrt(np.mean(error**2)) < np.sqrt(np.mean((windows.followed - windows.seen[:, -1:]) ** 2))
