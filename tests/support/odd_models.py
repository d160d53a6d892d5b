"""Models as people have them, each odd in one way, for tests of what is examined when a study is planned."""

from __future__ import annotations

import math
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    """Two convolutions and a classifier; subclasses change `forward` or a layer."""

    def __init__(self, image_shape, num_classes, width=4):
        super().__init__()
        self.conv1 = nn.Conv2d(image_shape[0], width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(width, num_classes)

    def forward(self, x):
        x = self.pool(self.conv1(x).relu())
        x = self.pool(self.conv2(x).relu())
        return self.fc(x.mean((2, 3)))


def plain(image_shape, num_classes, width=4):
    return Net(image_shape, num_classes, width)


def all_but_the_head_frozen(image_shape, num_classes):
    model = Net(image_shape, num_classes)
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = nn.Linear(model.fc.in_features, num_classes)
    return model


def loads_weights(image_shape, num_classes, file=""):
    model = Net(image_shape, num_classes)
    found = torch.load(Path(file), weights_only=True)
    model.load_state_dict({name: value for name, value in found.items() if not name.startswith("fc.")}, strict=False)
    return model


def sets_a_seed(image_shape, num_classes):
    torch.manual_seed(7)
    return Net(image_shape, num_classes)


def draws_elsewhere(image_shape, num_classes):
    model = Net(image_shape, num_classes)
    values = np.random.randn(*model.conv1.weight.shape)
    model.conv1.weight.data.copy_(torch.as_tensor(values))
    return model


def starts_at_constants(image_shape, num_classes):
    model = Net(image_shape, num_classes, width=image_shape[0])
    nn.init.dirac_(model.conv2.weight)
    nn.init.zeros_(model.conv2.bias)
    return model


class Rows(nn.Module):
    """Maps of 16 channels, 16 rows and 32 columns on images of 32 x 64: they look like channels last."""

    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.stem = nn.Conv2d(image_shape[0], 16, 3, stride=2, padding=1)
        self.conv = nn.Conv2d(16, 16, 3, padding=1)
        self.fc = nn.Linear(16, num_classes)

    def forward(self, x):
        return self.fc(self.conv(self.stem(x).relu()).relu().mean((2, 3)))


class ChannelsLast(nn.Module):
    """Maps "n h w c", which dense layers work on."""

    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.patch = nn.Conv2d(image_shape[0], 6, 2, stride=2)
        self.mix1, self.mix2, self.norm = nn.Linear(6, 6), nn.Linear(6, 6), nn.LayerNorm(6)
        self.fc = nn.Linear(6, num_classes)

    def forward(self, x):
        x = self.patch(x).permute(0, 2, 3, 1)
        x = x + self.mix1(x).relu()
        return self.fc(self.norm(x + self.mix2(x).relu()).mean((1, 2)))


class ToLast(nn.Module):
    """Not looked into, as the child of a row of layers; on a cube its shape says nothing."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).contiguous() if x.shape[0] else x


class Mean(nn.Module):
    def forward(self, x):
        return x.mean((1, 2))


def cubes(image_shape, num_classes):
    conv, linear = nn.Conv2d(image_shape[0], 16, 3, padding=1), nn.Linear(16, 16)
    return nn.Sequential(conv, ToLast(), linear, nn.ReLU(), Mean(), nn.Linear(16, num_classes))


class Windows(Net):
    """A value of five dimensions, such as masks of windows are."""

    def __init__(self, image_shape, num_classes):
        super().__init__(image_shape, num_classes)
        self.register_buffer("mask", torch.ones(1, 1, 1, 1, 4))

    def forward(self, x):
        x = self.pool(self.conv1(x).relu())
        x = self.pool(self.conv2(x).relu() * self.mask.mean())
        return self.fc(x.mean((2, 3)))


class Sequence(nn.Module):
    """Features "n channels length" of one-dimensional convolutions."""

    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.conv1 = nn.Conv1d(image_shape[0] * image_shape[1], 5, 3, padding=1)
        self.conv2 = nn.Conv1d(5, 5, 3, padding=1)
        self.fc = nn.Linear(5, num_classes)

    def forward(self, x):
        x = self.conv2(self.conv1(x.flatten(1, 2)).relu()).relu()
        return self.fc(x.mean(2))


class Tokens(nn.Module):
    """A small transformer with learnt positions: it takes one size of images."""

    def __init__(self, image_shape, num_classes, width=8):
        super().__init__()
        self.patch = nn.Conv2d(image_shape[0], width, 4, stride=4)
        self.position = nn.Parameter(torch.randn(1, (image_shape[1] // 4) * (image_shape[2] // 4), width))
        layer = {"nhead": 2, "dim_feedforward": 8, "batch_first": True, "dropout": 0.0}
        self.first = nn.TransformerEncoderLayer(width, **layer)
        self.second = nn.TransformerEncoderLayer(width, **layer)
        self.fc = nn.Linear(width, num_classes)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2) + self.position
        return self.fc(self.second(self.first(x)).mean(1))


def tokens(image_shape, num_classes, width=8):
    return Tokens(image_shape, num_classes, width)


def names_that_meet(image_shape, num_classes):
    layers = OrderedDict()
    layers["a_b"] = nn.Conv2d(image_shape[0], 4, 3)
    layers["input"] = nn.Conv2d(4, 4, 3)
    layers["a"] = nn.Sequential(OrderedDict(b=nn.Conv2d(4, 4, 3), c=nn.Flatten()))
    layers["fc"] = nn.Linear(4 * (image_shape[1] - 6) * (image_shape[2] - 6), num_classes)
    return nn.Sequential(layers)


class NamesThatMeet(Net):
    def __init__(self, image_shape, num_classes):
        super().__init__(image_shape, num_classes)
        self.a_b = self.conv1
        self.a = nn.Module()
        self.a.b = self.conv2
        del self.conv1, self.conv2

    def forward(self, x):
        return self.fc(self.pool(self.a.b(self.pool(self.a_b(x).relu())).relu()).mean((2, 3)))


class Numbered(nn.Module):
    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.conv_1, self.conv_2 = nn.Conv2d(image_shape[0], 4, 3), nn.Conv2d(4, 4, 3)
        self.fc = nn.Linear(4, num_classes)

    def forward(self, x):
        return self.fc(self.conv_2(self.conv_1(x).relu()).relu().mean((2, 3)))


class Tied(nn.Module):
    """Two layers with names of their own and one weight."""

    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.stem = nn.Conv2d(image_shape[0], 4, 1)
        self.first, self.middle = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.second.weight = self.first.weight
        self.last, self.fc = nn.Conv2d(4, 4, 1), nn.Linear(4, num_classes)

    def forward(self, x):
        for layer in (self.stem, self.first, self.middle, self.second, self.last):
            x = layer(x).relu()
        return self.fc(x.mean((2, 3)))


class TiedHead(nn.Module):
    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.first = nn.Linear(math.prod(image_shape), num_classes)
        self.middle, self.fc = nn.Linear(num_classes, num_classes), nn.Linear(num_classes, num_classes)
        self.fc.weight = self.middle.weight

    def forward(self, x):
        return self.fc(self.middle(self.first(x.flatten(1)).relu()).relu())


class AlwaysDrops(Net):
    def forward(self, x):
        x = self.pool(self.conv1(x).relu())
        x = F.dropout(self.pool(self.conv2(x).relu()), 0.5)
        return self.fc(x.mean((2, 3)))


class LooksAtTheBatch(Net):
    def forward(self, x):
        x = self.pool(self.conv1(x).relu())
        x = self.pool(self.conv2(x - x.mean(0, keepdim=True)).relu())
        return self.fc(x.mean((2, 3)))


def norms_without_statistics(image_shape, num_classes):
    model = Net(image_shape, num_classes)
    model.pool = nn.Sequential(nn.MaxPool2d(2), nn.BatchNorm2d(4, track_running_stats=False))
    return model


class Squeezes(Net):
    def forward(self, x):
        x = self.pool(self.conv2(self.pool(self.conv1(x).relu())).relu())
        return self.fc(F.adaptive_avg_pool2d(x, 1).squeeze())


class LeNet(nn.Module):
    """As in the commonest tutorial: `view`, which takes no map with channels last in memory."""

    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(image_shape[0], 6, 5, padding=2), nn.Conv2d(6, 16, 5, padding=2)
        self.pool = nn.MaxPool2d(2, 2)
        self.size = 16 * (image_shape[1] // 4) * (image_shape[2] // 4)
        self.fc1, self.fc2 = nn.Linear(self.size, 12), nn.Linear(12, num_classes)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(-1, self.size)
        return self.fc2(F.relu(self.fc1(x)))


class SizesAtTheStart(Net):
    def forward(self, x):
        n, _, height, width = x.shape
        zeros = x.new_zeros(n, 1)
        x = self.pool(self.conv1(x).relu())
        x = self.pool(self.conv2(x).relu())
        x = F.interpolate(x, size=(height, width))
        return self.fc(x.reshape(n, -1, height * width).mean(2) + zeros)


def lazy(image_shape, num_classes):
    return nn.Sequential(
        OrderedDict(conv=nn.LazyConv2d(4, 3), relu=nn.ReLU(), flat=nn.Flatten(), fc=nn.LazyLinear(num_classes))
    )


class NeedsMore(Net):
    def forward(self, x, mask):
        return super().forward(x * mask)


def width_of_the_classes(image_shape, num_classes):
    return Net(image_shape, num_classes, width=2 * num_classes)


def ten_classes(image_shape, num_classes):
    return Net(image_shape, 10)


class HasMore(Net):
    """A layer that the forward pass does not use."""

    def __init__(self, image_shape, num_classes):
        super().__init__(image_shape, num_classes)
        self.extra = nn.Linear(3, 3)


class Head(nn.Module):
    def __init__(self, width, num_classes):
        super().__init__()
        self.out = nn.Linear(width, num_classes)

    def forward(self, x):
        return self.out(x)


class HeadOut(Net):
    """Its own classifier has the name of layercut's."""

    def __init__(self, image_shape, num_classes):
        super().__init__(image_shape, num_classes)
        self.head = Head(4, num_classes)
        del self.fc

    def forward(self, x):
        x = self.pool(self.conv2(self.pool(self.conv1(x).relu())).relu())
        return self.head(x.mean((2, 3)))
