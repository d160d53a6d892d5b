"""Features as one vector per image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.spec.base import StrictSpec

View = Literal["auto", "flattened", "spatial_mean"]
"""How "n c h w" becomes "n d". `auto`: the spatial mean, but flattened for images (at most three channels)."""
VIEWED = "Maps as vectors: `flattened`, `spatial_mean`, or `auto` (the mean, but pixels flattened)."

MAX_IMAGE_CHANNELS = 3
SLAB = 4096
"""Units that are held in float64 at a time."""


class FlattenedSpec(StrictSpec):
    """Options of probes that look at every unit where nothing else is said."""

    view: View = Field(default="flattened", description=VIEWED)


class PooledSpec(StrictSpec):
    """Options of probes that were published for pooled features."""

    view: View = Field(default="auto", description=VIEWED)


def vectors(features: Tensor, view: View = "flattened") -> Tensor:
    """Return float32 or float64 "n d", finite, with n >= 2.

    Raises:
        ProbeUndefinedError: fewer than two images, or NaN or infinite values.
    """
    if len(features) < 2:
        raise ProbeUndefinedError(f"needs at least two images; got {len(features)}")
    if not torch.isfinite(features).all():
        raise ProbeUndefinedError("features hold NaN or infinite values")
    pooled = view == "spatial_mean" or (view == "auto" and features.shape[1] > MAX_IMAGE_CHANNELS)
    if pooled and features.ndim > 2:
        return features.flatten(2).mean(2, dtype=torch.float64)
    return features.flatten(1)


def slabs(rows: Tensor) -> Iterator[Tensor]:
    """Yield "n d" some columns at a time."""
    for start in range(0, rows.shape[1], SLAB):
        yield rows[:, start : start + SLAB]


def centred(rows: Tensor) -> Tensor:
    """Return float64 "n d" minus its mean row; exactly zero where all rows are equal."""
    wide = rows.double()
    wide = wide - wide[0]
    return wide - wide.mean(0)
