"""Where networks learn: on a CUDA device where torch finds one, on the processor otherwise.

Sits under every network that is trained; nothing of it is served.
"""

import torch


def training_device() -> torch.device:
    """The device for a network and its tensors; the same seed draws other numbers on another device."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
