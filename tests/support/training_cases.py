"""Small classification problems for tests of the training loops."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from layercut.training.batches import Examples
from layercut.training.config import TrainingConfig


class Vectors:
    """Inputs that are given as they are."""

    def __init__(self, values):
        self.values = values
        self.asked = []

    def __len__(self):
        return len(self.values)

    def gather(self, positions):
        self.asked.append(positions.tolist())
        return self.values[positions]


def separable(num=40):
    labels = torch.arange(num) % 2
    values = torch.randn(num, 3, generator=torch.Generator().manual_seed(0)) + 3 * labels[:, None]
    return Examples(Vectors(values), labels)


def linear(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Linear(3, 2)


def schedule(**changes):
    return replace(TrainingConfig("adam", 0.05, 0.0, 8, None, 16), **changes)
