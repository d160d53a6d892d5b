"""Models as a user writes them, for tests of `foreign`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Residual(nn.Module):
    """Nothing inside can be cut."""

    def __init__(self, width):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)

    def forward(self, x):
        return F.relu(x + self.norm(self.conv(x)))


class TinyNet(nn.Module):
    """A parameter of its own, a function that draws, an optional argument, glue in `forward`."""

    def __init__(self, channels, num_classes, width, dropout):
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, padding=1)
        self.offset = nn.Parameter(torch.randn(width, 1, 1))
        self.register_buffer("scale", torch.full((1,), 0.5))
        self.body = nn.Sequential(Residual(width), Residual(width))
        self.dropout = dropout
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, images, mask=None):
        x = F.max_pool2d(self.stem(images) * self.scale + self.offset, 2)
        if mask is not None:
            x = x * mask
        x = F.dropout(self.body(x), self.dropout, training=self.training)
        return self.classifier(x.mean((2, 3)))


class Branching(nn.Module):
    """Its path depends on values."""

    def __init__(self, num_inputs):
        super().__init__()
        self.dense = nn.Linear(num_inputs, num_inputs)

    def forward(self, x):
        return self.dense(x) if x.sum() > 0 else x


def tiny_net(image_shape, num_classes, width=4, dropout=0.25):
    return TinyNet(image_shape[0], num_classes, width, dropout)


def in_a_row(image_shape, num_classes):
    num_inputs = image_shape[0] * image_shape[1] * image_shape[2]
    return nn.Sequential(
        nn.Flatten(), Branching(num_inputs), Branching(num_inputs), nn.ReLU(), nn.Linear(num_inputs, num_classes)
    )


def untraceable(image_shape, num_classes):
    model = nn.Module()
    model.inner = in_a_row(image_shape, num_classes)
    return Wrapped(model.inner)


class Wrapped(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        return self.inner(images)


def shares_a_layer(image_shape, num_classes):
    return Shared(image_shape[0], num_classes)


class Shared(nn.Module):
    def __init__(self, channels, num_classes):
        super().__init__()
        self.stem, self.twice = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, 4, 3, padding=1)
        self.between, self.classifier = nn.Conv2d(4, 4, 1), nn.Linear(4, num_classes)

    def forward(self, images):
        x = self.twice(self.between(self.twice(self.stem(images))))
        return self.classifier(x.mean((2, 3)))


def fails(image_shape, num_classes):
    raise KeyError("no such thing")


def named_like_a_wrapper(image_shape, num_classes):
    return Outer(tiny_net(image_shape, num_classes))


class Outer(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, images):
        return self.module(images)


def wrong_channels(image_shape, num_classes):
    return TinyNet(image_shape[0] + 1, num_classes, 4, 0.0)


def no_model(image_shape, num_classes):
    return "a model"


class MakesItsActivation(nn.Module):
    """Blocks in a list, an activation made in `forward`, logarithms of softmax: as published programs have it."""

    def __init__(self, channels, num_classes):
        super().__init__()
        self.blocks = nn.ModuleList([self._block(channels, 4), self._block(4, 6)])
        self.fc1 = nn.Linear(6 * 3 * 3, 8)
        self.fc2 = nn.Linear(8, num_classes)

    @staticmethod
    def _block(channels, width):
        return nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)
        )

    def forward(self, images):
        features = self.blocks[1](self.blocks[0](images))
        features = nn.ReLU()(self.fc1(features.view(features.size(0), -1)))
        return F.log_softmax(self.fc2(features), dim=1)


def makes_its_activation(image_shape, num_classes):
    return MakesItsActivation(image_shape[0], num_classes)


class NamedChildren(nn.Module):
    """Walks through its own children by name, as the layer-freezing study's model does."""

    def __init__(self, channels, num_classes):
        super().__init__()
        for index in range(2):
            setattr(self, f"conv{index}", nn.Conv2d(4 if index else channels, 4, 3, padding=1))
            setattr(self, f"act{index}", nn.ReLU())
        self.fc = nn.Linear(4 * 12 * 12, num_classes)
        self.normalize = nn.LogSoftmax(dim=1)

    def forward(self, images):
        features = images
        for name, layer in self.named_children():
            if "conv" in name or "act" in name:
                features = layer(features)
        return self.normalize(self.fc(features.view(features.size(0), -1)))


def named_children(image_shape, num_classes):
    return NamedChildren(image_shape[0], num_classes)
