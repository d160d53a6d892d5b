"""Effective rank: the number of axes that the features span.

    exp( - sum_k p_k log p_k ),   p_k = s_k / sum s

with the singular values s_k of the centred "n d" features; within 1..min(n - 1, d).

References:
    Roy and Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007.
    As a score of pretrained features: Garrido, Balestriero, Najman and LeCun, "RankMe", ICML 2023. We differ in
    centring, for else the mean activation behind a ReLU outweighs everything.
"""

from __future__ import annotations

import torch
from torch import Tensor

from layercut.probes.base import Activations
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram, coordinates
from layercut.probes.vectors import FlattenedSpec


def effective_rank(activations: Activations, options: FlattenedSpec) -> dict[str, float]:
    """Return the effective rank of the features."""
    columns = coordinates(centred_gram(activations.features, options.view))
    return {"rank": exponentiated_entropy(columns.norm(dim=0))}


def exponentiated_entropy(singular_values: Tensor) -> float:
    """Return exp of the entropy of values >= 0, not all zero, taken as shares of their sum."""
    shares = singular_values / singular_values.sum()
    return float(torch.special.entr(shares).sum().exp())


EFFECTIVE_RANK = FunctionProbe("features", {"rank": "higher"}, effective_rank, FlattenedSpec)
