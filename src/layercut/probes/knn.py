"""Accuracy of the k nearest neighbours, each image judged by all others: the null that a score has to beat.

The neighbours (Euclidean) vote; among classes with equally many votes the one whose neighbours stand nearer in the
ranking wins. An image whose class has no second image counts as wrong.

References:
    Cover and Hart, "Nearest neighbor pattern classification", IEEE Trans. Inf. Theory 13, 1967. As a probe that beats
    the published transferability scores: arXiv 2503.18528. We differ in judging by leaving one out, so that no image
    is set aside.
"""

from __future__ import annotations

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.classes import Classes, several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram, squared_distances
from layercut.probes.vectors import FlattenedSpec


class KnnSpec(FlattenedSpec):
    """How many neighbours vote."""

    neighbours: PositiveInt = Field(default=5, description="Number of neighbours that vote.")


def knn(activations: Activations, options: KnnSpec) -> dict[str, float]:
    """Return the share of images whose neighbours name their class."""
    num_images = len(activations.features)
    classes = several_in_a_class(activations.labels)
    if num_images <= options.neighbours:
        raise ProbeUndefinedError(
            f"needs more than {options.neighbours} images for as many neighbours; got {num_images}"
        )
    distances = squared_distances(centred_gram(activations.features, options.view))
    return {"accuracy": vote(distances, classes, options.neighbours)}


def vote(distances: Tensor, classes: Classes, neighbours: int) -> float:
    """Return the leave-one-out accuracy from "n n" distances."""
    others = distances.clone().fill_diagonal_(torch.inf)
    nearest = others.sort(dim=1, stable=True).indices[:, :neighbours]
    # a whole vote outweighs all of the small ones, which only order ties
    weights = 1 + torch.arange(neighbours, 0, -1, dtype=torch.float64) / (neighbours + 1) ** 2
    votes = torch.zeros(len(distances), len(classes.sizes), dtype=torch.float64)
    votes.scatter_add_(1, classes.labels[nearest], weights.expand(len(distances), -1))
    return float((votes.argmax(1) == classes.labels).double().mean())


KNN = FunctionProbe("labels", {"accuracy": "higher"}, knn, KnnSpec)
