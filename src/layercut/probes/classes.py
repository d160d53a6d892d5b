"""The classes that actually occur in a set of images."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from layercut.errors import ProbeUndefinedError


class Classes(NamedTuple):
    """Labels renumbered 0..k-1 over the k classes that occur; an absent class has no part in any score."""

    labels: Tensor
    """Int64 "n"."""
    sizes: Tensor
    """Int64 "k": images a class, each at least 1."""

    @property
    def membership(self) -> Tensor:
        """Return float64 "n k", 1 where an image is of a class."""
        return one_hot(self.labels, len(self.sizes)).double()

    @property
    def same(self) -> Tensor:
        """Return bool "n n": whether two images are of one class."""
        return self.labels[:, None] == self.labels


def present_classes(labels: Tensor, least_images: int = 1) -> Classes:
    """Renumber labels.

    Raises:
        ProbeUndefinedError: fewer than two classes occur, or one has fewer than `least_images`.
    """
    _, index, counts = torch.unique(labels, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        raise ProbeUndefinedError(f"needs images of at least two classes; got {len(counts)}")
    if int(counts.min()) < least_images:
        raise ProbeUndefinedError(f"needs {least_images} images of each class; one class has {int(counts.min())}")
    return Classes(index, counts)


def several_in_a_class(labels: Tensor, groups: Tensor | None = None) -> Classes:
    """Renumber labels where at least one class must have two images; of two groups, where there are groups.

    Raises:
        ProbeUndefinedError: fewer than two classes occur, or every class has one image or is of one group.
    """
    classes = present_classes(labels)
    if int(classes.sizes.max()) < 2:
        raise ProbeUndefinedError("every class has only one image")
    if groups is not None and int(num_groups(classes, groups).max()) < 2:
        raise ProbeUndefinedError("the images of every class are all of one group")
    return classes


def num_groups(classes: Classes, groups: Tensor) -> Tensor:
    """Return Int64 "k": the groups that have images of each class; `groups` is Int64 "n"."""
    _, rows = torch.unique(groups, return_inverse=True)
    pairs = torch.unique(torch.stack([classes.labels, rows]), dim=1)
    return torch.bincount(pairs[0], minlength=len(classes.sizes))


def same_group(groups: Tensor | None, num_images: int) -> Tensor:
    """Return bool "n n": whether two images belong together; without groups, each alone with itself."""
    return torch.eye(num_images, dtype=torch.bool) if groups is None else groups[:, None] == groups
