"""Accuracy of the nearest class mean, each image judged by means that it has no part in.

Leaving x out of the mean of its n_c images stretches its distance to that mean by n_c / (n_c - 1), which is all that
has to be computed. An image whose class has no second image counts as wrong.

Reference:
    Tibshirani, Hastie, Narasimhan and Chu, "Diagnosis of multiple cancer types by shrunken centroids of gene
    expression", PNAS 99, 2002. We differ in that nothing is shrunken.
"""

from __future__ import annotations

import torch

from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram
from layercut.probes.vectors import FlattenedSpec


def nearest_centroid(activations: Activations, options: FlattenedSpec) -> dict[str, float]:
    """Return the share of images nearest to the mean of their class."""
    classes = several_in_a_class(activations.labels)
    products = centred_gram(activations.features, options.view)
    shares = classes.membership / classes.sizes
    to_means = products @ shares
    distances = products.diagonal()[:, None] - 2 * to_means + (shares * to_means).sum(0)
    own = classes.labels[:, None]
    counts = classes.sizes[classes.labels].double()[:, None]
    stretched = distances.gather(1, own) * (counts / (counts - 1)).square()
    distances.scatter_(1, own, torch.where(counts > 1, stretched, torch.inf))
    return {"accuracy": float((distances.argmin(1) == classes.labels).double().mean())}


NEAREST_CENTROID = FunctionProbe("labels", {"accuracy": "higher"}, nearest_centroid, FlattenedSpec)
