"""Agreement of K-means clusters of each single channel with the classes: mean, median and greatest over channels.

A channel's map is flattened; behind a dense layer each unit is a channel. Channels that are the same for every image
are left out.

Reference:
    "Exploring Layer Freezing in Transfer Learning" (mp-tl-study), README: K-means "for each channel of each layer".
    Our K-means is `kmeans`, with one start a channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.probes.agreement import agreement
from layercut.probes.base import Activations, Direction
from layercut.probes.classes import Classes, several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.kmeans import kmeans
from layercut.probes.vectors import vectors
from layercut.spec.base import StrictSpec

MEASURES = ("ari", "nmi", "accuracy")
SUMMARIES: dict[str, Callable[[list[float]], Any]] = {"mean": np.mean, "median": np.median, "max": np.max}
DIRECTIONS: dict[str, Direction] = {f"{measure}_{name}": "higher" for measure in MEASURES for name in SUMMARIES}
VALUES_AT_ONCE = 2**25


class ChannelSpec(StrictSpec):
    """Number of restarts of K-means."""

    restarts: PositiveInt = Field(default=1, description="K-means restarts; the best one counts.")


def channel_clustering(activations: Activations, options: ChannelSpec) -> dict[str, float]:
    """Return mean, median and greatest agreement over channels."""
    vectors(activations.features)  # refuses what is no finite set of images
    classes = several_in_a_class(activations.labels)
    generator = torch.Generator().manual_seed(activations.seed)
    channels = list(channel_agreement(activations.features, classes, options.restarts, generator))
    if not channels:
        raise ProbeUndefinedError("features are the same for every image")
    table = {measure: [channel[measure] for channel in channels] for measure in MEASURES}
    return {
        f"{measure}_{name}": float(summary(table[measure]))
        for measure in MEASURES
        for name, summary in SUMMARIES.items()
    }


def channel_agreement(
    features: Tensor, classes: Classes, restarts: int, generator: torch.Generator
) -> Iterator[dict[str, float]]:
    """Yield the agreement of each channel that is not constant."""
    maps = features.reshape(*features.shape[:2], -1)
    step = max(1, VALUES_AT_ONCE // maps[:, 0].numel())
    for start in range(0, maps.shape[1], step):
        points = maps[:, start : start + step].transpose(0, 1)
        points = points - points[:, :1]  # equal images become exactly zero
        points = points[points.abs().amax((1, 2)) > 0]
        if len(points):
            points = points / points.abs().amax((1, 2), keepdim=True)  # squares stay within float32
            points = points - points.mean(1, keepdim=True)
            for clusters in kmeans(points, len(classes.sizes), restarts, generator).clusters:
                yield agreement(clusters, classes.labels)


CHANNEL_CLUSTERING = FunctionProbe("labels", DIRECTIONS, channel_clustering, ChannelSpec)
