"""Accuracy of the k nearest neighbours, each image judged by all others: the null that a score has to beat.

The neighbours (Euclidean) vote; among classes with equally many votes the one whose neighbours stand nearer in the
ranking wins. Images of its own group have no vote on an image. One whose class has no image besides counts as wrong.

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
from layercut.probes.classes import Classes, same_group, several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram, squared_distances
from layercut.probes.vectors import FlattenedSpec


class KnnSpec(FlattenedSpec):
    """How many neighbours vote."""

    neighbours: PositiveInt = Field(default=5, description="Number of neighbours that vote.")


def knn(activations: Activations, options: KnnSpec) -> dict[str, float]:
    """Return the share of images whose neighbours name their class."""
    num_images = len(activations.features)
    classes = several_in_a_class(activations.labels, activations.groups)
    together = same_group(activations.groups, num_images)
    num_others = num_images - int(together.sum(1).max())
    if num_others < options.neighbours:
        of = "" if activations.groups is None else " of other groups"
        raise ProbeUndefinedError(
            f"needs {options.neighbours} images{of} as neighbours of each image; one has {num_others}"
        )
    distances = squared_distances(centred_gram(activations.features, options.view))
    return {"accuracy": vote(distances, classes, options.neighbours, together)}


def vote(distances: Tensor, classes: Classes, neighbours: int, together: Tensor) -> float:
    """Return the accuracy from "n n" distances, each image judged by those that are not `together` with it, "n n"."""
    others = distances.masked_fill(together, torch.inf)
    nearest = others.sort(dim=1, stable=True).indices[:, :neighbours]
    # a whole vote outweighs all of the small ones, which only order ties
    weights = 1 + torch.arange(neighbours, 0, -1, dtype=torch.float64) / (neighbours + 1) ** 2
    votes = torch.zeros(len(distances), len(classes.sizes), dtype=torch.float64)
    votes.scatter_add_(1, classes.labels[nearest], weights.expand(len(distances), -1))
    return float((votes.argmax(1) == classes.labels).double().mean())


KNN = FunctionProbe("labels", {"accuracy": "higher"}, knn, KnnSpec, holds_out=True)
