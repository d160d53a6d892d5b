"""Accuracy of the nearest class mean, each image left out of the means that judge it.

Leaving x out of the mean of its n_c images stretches its distance to that mean by n_c / (n_c - 1), which is all that
has to be computed. An image whose class has no second image counts as wrong. With groups, the means leave out the
image's whole group, and an image whose class is in no other group counts as wrong.

Reference:
    Tibshirani, Hastie, Narasimhan and Chu, "Diagnosis of multiple cancer types by shrunken centroids of gene
    expression", PNAS 99, 2002. We differ in that nothing is shrunken.
"""

from __future__ import annotations

import torch
from torch import Tensor

from layercut.probes.base import Activations
from layercut.probes.classes import Classes, same_group, several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram
from layercut.probes.vectors import FlattenedSpec


def nearest_centroid(activations: Activations, options: FlattenedSpec) -> dict[str, float]:
    """Return the share of images nearest to the mean of their class."""
    classes = several_in_a_class(activations.labels, activations.groups)
    products = centred_gram(activations.features, options.view)
    if activations.groups is None:
        distances = _distances_without_image(products, classes)
    else:
        distances = _distances_without_group(products, classes, activations.groups)
    return {"accuracy": float((distances.argmin(1) == classes.labels).double().mean())}


def _distances_without_image(products: Tensor, classes: Classes) -> Tensor:
    """Return squared distances "n k" to the means of the classes, each image's own left out of it."""
    shares = classes.membership / classes.sizes
    to_means = products @ shares
    distances = products.diagonal()[:, None] - 2 * to_means + (shares * to_means).sum(0)
    own = classes.labels[:, None]
    counts = classes.sizes[classes.labels].double()[:, None]
    stretched = distances.gather(1, own) * (counts / (counts - 1)).square()
    return distances.scatter_(1, own, torch.where(counts > 1, stretched, torch.inf))


def _distances_without_group(products: Tensor, classes: Classes, groups: Tensor) -> Tensor:
    """Return squared distances "n k" to the means of the classes, each image's whole group left out of all of them.

    A sum over other groups is that over all images less that over the own group, for the means and for their squares.
    """
    member, own = classes.membership, same_group(groups, len(groups)).double()
    within = products * own
    counts = classes.sizes - own @ member
    to_sums = (products - within) @ member
    to_all = (products @ member) * member
    squares = to_all.sum(0) - 2 * own @ to_all + own @ ((within @ member) * member)
    distances = products.diagonal()[:, None] - 2 * to_sums / counts + squares / counts.square()
    return torch.where(counts > 0, distances, torch.inf)


NEAREST_CENTROID = FunctionProbe("labels", {"accuracy": "higher"}, nearest_centroid, FlattenedSpec, holds_out=True)
