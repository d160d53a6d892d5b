"""Models as somebody has them in a notebook that imports its classes from a file."""

from __future__ import annotations

import enum
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn


class Way(enum.Enum):
    """How pixels are pooled."""

    MEAN = 1


class Options:
    """An object of a plain class."""

    def __init__(self, slope):
        self.slope = slope


class Net(nn.Module):
    """Attributes of every kind that a model may have."""

    def __init__(self, width=6, num_classes=4):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.fc = nn.Linear(width, num_classes)
        self.register_buffer("offset", torch.full((1,), 0.25), persistent=False)
        self.scale = torch.tensor(0.5)
        self.activate = partial(F.leaky_relu, negative_slope=0.1)
        self.options, self.way, self.sizes = Options(0.2), Way.MEAN, {"a": (1, 2.5), 3: [None, torch.float32]}
        self.pooled = self._pooled

    def _pooled(self, x):
        return x.mean((2, 3)) if self.way is Way.MEAN else x.amax((2, 3))

    def forward(self, x):
        x = self.activate(self.bn1(self.conv1(x))) + self.offset
        x = F.leaky_relu(self.conv2(x), self.options.slope) * self.scale
        return self.fc(self.pooled(x))


class Tied(nn.Module):
    """One convolution under two names."""

    def __init__(self):
        super().__init__()
        self.stem, self.first = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.second, self.fc = self.first, nn.Linear(4, 2)

    def forward(self, x):
        x = F.relu(self.first(F.relu(self.stem(x))))
        return self.fc(F.relu(self.second(x)).mean((2, 3)))


class Undrawn(nn.Module):
    """A parameter without an initialisation."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)
        self.gain = nn.Parameter(torch.ones(4, 1, 1))

    def forward(self, x):
        return self.fc((self.conv(x) * self.gain).mean((2, 3)))


def make(image_shape, num_classes):
    """Return a model as a factory does."""
    return Net(4, num_classes)
