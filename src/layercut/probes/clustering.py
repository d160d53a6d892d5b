"""Agreement of agglomerative clusters (average linkage, cosine) with the classes, as many clusters as classes.

Images whose vector is zero have no direction and are dropped, together with their labels.

Reference:
    "Exploring Layer Freezing in Transfer Learning" (mp-tl-study): spatial means of what each convolution gives, before
    activation and pooling, which `at: before_activation` looks at; without it we look behind the whole block. We
    differ in counting the classes that occur among the images that are left; see also `agreement`.
"""

from __future__ import annotations

import torch
from pydantic import Field
from sklearn.cluster import AgglomerativeClustering
from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.probes.agreement import AGREEMENT, agreement
from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.products import SAME, gram
from layercut.probes.vectors import PooledSpec


class ClusteringSpec(PooledSpec):
    """What is clustered, and how pairs are counted."""

    self_pairs: bool = Field(
        default=False, description="Count each image as half a pair with itself, as the files of mp-tl-study do."
    )


def clustering(activations: Activations, options: ClusteringSpec) -> dict[str, float]:
    """Return the five measures of agreement."""
    products = gram(activations.features, options.view)
    kept = products.diagonal() > 0
    if int(kept.sum()) < 2:
        raise ProbeUndefinedError(f"{int(kept.sum())} images have nonzero features; needs two")
    classes = several_in_a_class(activations.labels[kept])
    distances = cosine_distances(products[kept][:, kept])
    num_clusters = len(classes.sizes)
    require_different(distances, num_clusters)
    model = AgglomerativeClustering(num_clusters, metric="precomputed", linkage="average")
    clusters = torch.from_numpy(model.fit_predict(distances.numpy())).long()
    return agreement(clusters, classes.labels, options.self_pairs)


def cosine_distances(products: Tensor) -> Tensor:
    """Return one minus the cosine of the angle between vectors, from their scalar products."""
    norms = products.diagonal().sqrt()
    distances = 1 - products / norms[:, None] / norms
    return distances.masked_fill(distances <= SAME, 0.0).fill_diagonal_(0.0)


def require_different(distances: Tensor, least: int) -> None:
    """Refuse to make more clusters than there are different images.

    Raises:
        ProbeUndefinedError: fewer than `least` images differ from each other.
    """
    first_of_its_kind = (distances == 0).double().argmax(1) == torch.arange(len(distances))
    if int(first_of_its_kind.sum()) < least:
        raise ProbeUndefinedError(
            f"needs {least} images that differ for as many clusters; got {int(first_of_its_kind.sum())}"
        )


CLUSTERING = FunctionProbe("labels", AGREEMENT, clustering, ClusteringSpec)
