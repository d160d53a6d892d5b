"""Coding rate of the features minus that within classes: an estimate of their mutual information.

    R(Z) = 1/2 log det( I + Z Z^T / (n eps) )
    TransRate = R(Z) - sum_c n_c / n R(Z_c)

with Z centred over all images and scaled so that its mean squared row is 1.

Reference:
    Huang, Huang, Rong, Yang and Wei, "Frustratingly easy transferability estimation", ICML 2022, eq. 5-7. We weigh
    classes by their images, where the published code takes the mean, which is the same for classes of one size.
"""

from __future__ import annotations

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor

from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram
from layercut.probes.vectors import PooledSpec


class TransrateSpec(PooledSpec):
    """Squared distortion up to which features are coded."""

    distortion: PositiveFloat = Field(
        default=1e-4, description="Squared ε: the distortion with which features are coded."
    )


def transrate(activations: Activations, options: TransrateSpec) -> dict[str, float]:
    """Return the difference of rates in nats."""
    classes = several_in_a_class(activations.labels)
    products = centred_gram(activations.features, options.view)
    products = products / products.diagonal().mean()
    rate = coding_rate(products, options.distortion)
    for label, size in enumerate(classes.sizes.tolist()):
        own = classes.labels == label
        rate -= size / len(products) * coding_rate(products[own][:, own], options.distortion)
    return {"rate": rate}


def coding_rate(products: Tensor, distortion: float) -> float:
    """Return R from the "n n" scalar products of n rows."""
    n = len(products)
    matrix = torch.eye(n, dtype=torch.float64) + products / (n * distortion)
    return float(torch.linalg.slogdet(matrix).logabsdet) / 2


TRANSRATE = FunctionProbe("labels", {"rate": "higher"}, transrate, TransrateSpec)
