"""Agreement of K-means clusters with the classes, as many clusters as classes.

Reference:
    "Exploring Layer Freezing in Transfer Learning" (mp-tl-study): K-means of the flattened images and of the last
    dense output; its single channels are `channel_clustering`. Our K-means is `kmeans`, on the principal axes, which
    changes no distance.
"""

from __future__ import annotations

import torch
from pydantic import Field, PositiveInt

from layercut.probes.agreement import AGREEMENT, agreement
from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.clustering import ClusteringSpec, require_different
from layercut.probes.function import FunctionProbe
from layercut.probes.kmeans import kmeans
from layercut.probes.products import centred_gram, coordinates, squared_distances


class KmeansSpec(ClusteringSpec):
    """Number of restarts of K-means."""

    restarts: PositiveInt = Field(default=10, description="K-means restarts; the best one counts.")


def kmeans_clustering(activations: Activations, options: KmeansSpec) -> dict[str, float]:
    """Return the five measures of agreement."""
    classes = several_in_a_class(activations.labels)
    products = centred_gram(activations.features, options.view)
    require_different(squared_distances(products), len(classes.sizes))
    generator = torch.Generator().manual_seed(activations.seed)
    found = kmeans(coordinates(products)[None], len(classes.sizes), options.restarts, generator)
    return agreement(found.clusters[0], classes.labels, options.self_pairs)


KMEANS_CLUSTERING = FunctionProbe("labels", AGREEMENT, kmeans_clustering, KmeansSpec)
