"""Over how many axes the weights of a block spread: their exponentiated entropy of normalised singular values.

A convolution is a matrix of output channels by all the rest; biases and other vectors have no spectrum and are left
out. `rank` is the mean over the matrices of the block, `share` the mean of rank over the most that it could be.

References:
    Roy and Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007.
    "Exploring Layer Freezing in Transfer Learning" (mp-tl-study) plots it by layer. No differences.
"""

from __future__ import annotations

import torch

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.effective_rank import exponentiated_entropy
from layercut.probes.function import FunctionProbe, NoOptions


def weight_effective_rank(activations: Activations, options: NoOptions) -> dict[str, float]:
    """Return the mean effective rank of the block's weights, absolute and as a share."""
    matrices = {name: weight.flatten(1) for name, weight in activations.weights.items() if weight.ndim > 1}
    if not matrices:
        raise ProbeUndefinedError("no block with weight matrices ends here")
    ranks, shares = [], []
    for name, matrix in matrices.items():
        if not torch.isfinite(matrix).all():
            raise ProbeUndefinedError(f"{name} holds NaN or infinite values")
        singular_values = torch.linalg.svdvals(matrix.double())
        if singular_values.sum() == 0:
            raise ProbeUndefinedError(f"{name} is zero")
        ranks.append(exponentiated_entropy(singular_values))
        shares.append(ranks[-1] / min(matrix.shape))
    return {"rank": sum(ranks) / len(ranks), "share": sum(shares) / len(shares)}


WEIGHT_EFFECTIVE_RANK = FunctionProbe("weights", {"rank": "higher", "share": "higher"}, weight_effective_rank)
