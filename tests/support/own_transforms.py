"""Transforms as a user writes them, for tests of augmentation."""

from __future__ import annotations

import random

import numpy as np
import torch
from torchvision.transforms import v2

mirrored = v2.Compose([v2.RandomHorizontalFlip(0.5), v2.ColorJitter(brightness=0.5)])
_unseeded = np.random.default_rng()


def drawn(image):
    """Draw from every global generator."""
    shade = np.random.randint(0, 9) + random.randrange(9) + int(torch.randint(9, ()))  # noqa: S311
    return torch.full_like(image, 100 + shade)


def restless(image):
    """Draw from a generator that nobody seeds."""
    return torch.full_like(image, int(_unseeded.integers(0, 256)))


def normalised(image):
    """Return floats."""
    return image.float() / 255


def cropped(image):
    """Return a smaller image."""
    return image[:, 1:]


def broken(image):
    """Fail."""
    raise ValueError("no such image")


def lost(image):
    """Return no image."""
