"""Three small models with images of their own, to be trained as one."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from layercut.models import MODELS
from layercut.models.base import seeded_build
from layercut.training.batches import Examples, StackedExamples
from layercut.training.config import TrainingConfig

NUM_MEMBERS = 3
NUM_IMAGES = 24
NUM_CLASSES = 3
ORDER_SEEDS = [11, 12, 13]


class Images:
    """Inputs that are given as they are."""

    def __init__(self, values):
        self.values = values
        self.num_gathered = 0

    def __len__(self):
        return len(self.values)

    def gather(self, positions):
        self.num_gathered += len(positions)
        return self.values[positions]


def draw_images(seed=0):
    labels = torch.arange(100) % NUM_CLASSES
    noise = torch.randn(100, 1, 6, 6, generator=torch.Generator().manual_seed(seed))
    return noise + labels[:, None, None, None], labels


def rows_of(member, start=0):
    """A member's own images: another choice of the hundred for each."""
    generator = torch.Generator().manual_seed(100 + member)
    return torch.randperm(100, generator=generator)[start : start + NUM_IMAGES]


def own(member, start, images, labels):
    rows = rows_of(member, start)
    return Examples(Images(images[rows]), labels[rows])


def together(start, images, labels):
    rows = torch.stack([rows_of(member, start) for member in range(NUM_MEMBERS)])
    return StackedExamples(Images(images), rows, labels[rows], shared=False, chunk=10)


def convolutions(seed):
    family = MODELS["plain_cnn"]
    options = family.options(depth=2, channels=4, pool_every=2)
    return seeded_build(family, options, (1, 6, 6), NUM_CLASSES, seed)


def published_blocks(seed):
    family = MODELS["block_cnn"]
    options = family.options(hidden_dims=[4, 6, 8, 5], dropout=0)
    return seeded_build(family, options, (1, 6, 6), NUM_CLASSES, seed)


def normalized(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = [nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()]
        return nn.Sequential(*layers, nn.Linear(64, NUM_CLASSES))


def linear(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(36, NUM_CLASSES))


def schedule(**changes):
    return replace(TrainingConfig("adam", 0.01, 0.0, 6, 2, 10), **changes)


def same_bits(ours, theirs):
    return all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())
