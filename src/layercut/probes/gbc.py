"""How little the classes overlap, each modelled as a Gaussian.

    GBC = - sum_{c != c'} exp( - D_B(c, c') )

    D_B = 1/8 sum_k (m_k - m'_k)^2 / v~_k + 1/2 sum_k log( v~_k / sqrt(v_k v'_k) ),   v~ = (v + v') / 2

with the means m and variances v of the classes on the first 64 principal axes; `spherical`: one variance a class.
Variances (1 / n_c) are at least 1e-6 of the mean variance of an axis. Both orders of a pair count, as written there.

Reference:
    Pandy, Agostinelli, Uijlings, Ferrari and Mensink, "Transferability estimation using Bhattacharyya class
    separability", CVPR 2022. We differ in the least variance.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PositiveInt

from layercut.probes.base import Activations
from layercut.probes.classes import present_classes
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram, coordinates
from layercut.probes.vectors import PooledSpec

LEAST_VARIANCE = 1e-6


class GbcSpec(PooledSpec):
    """Axes and form of the covariances."""

    axes: PositiveInt = Field(default=64, description="Number of principal axes that features are projected on.")
    covariance: Literal["spherical", "diagonal"] = Field(
        default="spherical", description="One variance per class, or one per class and axis."
    )


def gbc(activations: Activations, options: GbcSpec) -> dict[str, float]:
    """Return minus the sum of overlaps, within -k (k - 1)..0 for k classes."""
    classes = present_classes(activations.labels, least_images=2)
    columns = coordinates(centred_gram(activations.features, options.view))[:, : options.axes]
    shares = (classes.membership / classes.sizes).T
    means = shares @ columns
    variances = shares @ (columns - means[classes.labels]).square()
    if options.covariance == "spherical":
        variances = variances.mean(1, keepdim=True).expand_as(variances)
    variances = variances.clamp(min=float(LEAST_VARIANCE * columns.square().mean()))
    between = (variances[:, None] + variances) / 2
    distances = ((means[:, None] - means).square() / between).sum(2) / 8
    distances += (between.log() - (variances.log()[:, None] + variances.log()) / 2).sum(2) / 2
    overlaps = torch.exp(-distances).fill_diagonal_(0)
    return {"separability": -float(overlaps.sum())}


GBC = FunctionProbe("labels", {"separability": "higher"}, gbc, GbcSpec)
