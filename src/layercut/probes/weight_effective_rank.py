"""Effective number of axes that the weights of a block span: exponentiated entropy of normalised singular values.

A convolution is a matrix of output channels by all the rest (`matrices: flattened`), of which the rank is at most the
number of output channels; or as many small matrices as it has kernels (`matrices: kernels`), whose singular values are
taken together. Biases and other vectors have no spectrum and are left out. `rank` is the mean over the layers of the
block, `share` the mean of rank over the most that it could be.

References:
    Roy and Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007.
    "Exploring Layer Freezing in Transfer Learning" (mp-tl-study) plots that of the kernels by layer: for conv1 of its
    published weights on MNIST 9,226 of 12,288, where the flattened matrix has 58.8 of 64. We differ in flattening
    unless told otherwise: singular values of kernels that have nothing in common make no rank of the layer.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.effective_rank import exponentiated_entropy
from layercut.probes.function import FunctionProbe
from layercut.spec.base import StrictSpec


class WeightMatricesSpec(StrictSpec):
    """What of a layer's weights is a matrix."""

    matrices: Literal["flattened", "kernels"] = Field(
        default="flattened", description="A convolution as one matrix, or each of its kernels, as mp-tl-study has it."
    )


def weight_effective_rank(activations: Activations, options: WeightMatricesSpec) -> dict[str, float]:
    """Return the mean effective rank of the block's weights, absolute and as a share."""
    flattened = options.matrices == "flattened"
    weights = {name: weight for name, weight in activations.weights.items() if weight.ndim > 1}
    matrices = {name: weight.flatten(1) if flattened else weight for name, weight in weights.items()}
    if not matrices:
        raise ProbeUndefinedError("no block with weight matrices ends here")
    ranks, shares = [], []
    for name, matrix in matrices.items():
        if not torch.isfinite(matrix).all():
            raise ProbeUndefinedError(f"{name} holds NaN or infinite values")
        singular_values = torch.linalg.svdvals(matrix.double()).flatten()
        if singular_values.sum() == 0:
            raise ProbeUndefinedError(f"{name} is zero")
        ranks.append(exponentiated_entropy(singular_values))
        shares.append(ranks[-1] / len(singular_values))
    return {"rank": sum(ranks) / len(ranks), "share": sum(shares) / len(shares)}


WEIGHT_EFFECTIVE_RANK = FunctionProbe(
    "weights", {"rank": "higher", "share": "higher"}, weight_effective_rank, WeightMatricesSpec
)
