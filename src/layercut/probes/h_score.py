"""Scatter between class means measured against a shrunk covariance of the features.

    H = tr( C_a^-1 (1 - a) C_z ),   C_a = (1 - a) C + a tr(C) / d I

with the covariance C of the features, that of the class means C_z (each image standing for its class), and Ledoit and
Wolf's shrinkage a.

References:
    Bao et al., "An information-theoretic approach to transferability in task transfer learning", ICIP 2019 (H-score).
    Ibrahim, Ponomareva and Mazumder, "Newer is not always better: rethinking transferability metrics", ECML 2022
    (shrinkage). Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
    Multivariate Analysis 88, 2004. Both covariances have 1 / n; computed on principal axes, of which there are fewer
    than images.
"""

from __future__ import annotations

import torch
from torch import Tensor

from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram, coordinates
from layercut.probes.vectors import PooledSpec, vectors


def h_score(activations: Activations, options: PooledSpec) -> dict[str, float]:
    """Return the shrunk H-score, within 0..number of classes - 1."""
    classes = several_in_a_class(activations.labels)
    columns = coordinates(centred_gram(activations.features, options.view))
    num_units = vectors(activations.features, options.view).shape[1]
    variances = columns.square().mean(0)
    shrinkage = ledoit_wolf(columns, num_units)
    means = (classes.membership / classes.sizes).T @ columns
    between = (classes.sizes[:, None] * means.square()).sum(0) / len(columns)
    shrunk = (1 - shrinkage) * variances + shrinkage * variances.sum() / num_units
    return {"shrunk": float(((1 - shrinkage) * between / shrunk).sum())}


def ledoit_wolf(columns: Tensor, num_units: int) -> float:
    """Return the shrinkage, within 0..1, of features given by all their principal coordinates "n r"."""
    n = len(columns)
    variances = columns.square().mean(0)
    mean_variance = variances.sum() / num_units
    spread = variances.square().sum() - num_units * mean_variance.square()
    noise = columns.square().sum(1).square().mean() - variances.square().sum()
    return float(torch.minimum(noise / n, spread) / spread) if spread > 0 else 0.0


H_SCORE = FunctionProbe("labels", {"shrunk": "higher"}, h_score, PooledSpec)
