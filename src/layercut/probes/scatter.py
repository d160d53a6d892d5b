"""Sums of squares of each unit: within classes, between them, in all."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from layercut.probes.classes import Classes
from layercut.probes.vectors import centred, slabs


class Scatter(NamedTuple):
    """Float64 "d" each; within + between = total."""

    within: Tensor
    between: Tensor
    total: Tensor


def scatter_by_unit(rows: Tensor, classes: Classes) -> Scatter:
    """Split each unit's sum of squares about its mean."""
    membership = classes.membership
    parts = []
    for slab in slabs(rows):
        wide = centred(slab)
        means = (membership.T @ wide) / classes.sizes[:, None]
        between = (classes.sizes[:, None] * means.square()).sum(0)
        within = (wide - means[classes.labels]).square().sum(0)
        parts.append((within, between, wide.square().sum(0)))
    return Scatter(*(torch.cat(part) for part in zip(*parts, strict=True)))
