"""Fisher's ratio: scatter between class means over scatter within classes.

    ratio = tr(S_b) / tr(S_w)                    over all units together
    eta_squared = mean over units of s_b / s_t    every unit counts alike; units without scatter are left out

Reference:
    Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7, 1936. We take traces, which
    needs no inverse where there are more units than images; `ratio` orders models as `sum_of_squares` does.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.classes import Classes, several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.vectors import FlattenedSpec, centred, slabs, vectors

ZERO = 1e-12
"""Share of all scatter below which there is none within classes."""


def fisher(activations: Activations, options: FlattenedSpec) -> dict[str, float]:
    """Return both ratios; undefined where the features, or those of every class, are all the same."""
    scatter = scatter_by_unit(vectors(activations.features, options.view), several_in_a_class(activations.labels))
    total, within = float(scatter.total.sum()), float(scatter.within.sum())
    if total == 0:
        raise ProbeUndefinedError("features are the same for every image")
    if within <= ZERO * total:
        raise ProbeUndefinedError("the features of all images of a class are the same, so the ratio is infinite")
    varied = scatter.total > 0
    eta_squared = (scatter.between[varied] / scatter.total[varied]).mean()
    return {"ratio": float(scatter.between.sum()) / within, "eta_squared": float(eta_squared)}


class Scatter(NamedTuple):
    """Sums of squares of each unit, Float64 "d" each; within + between = total."""

    within: Tensor
    between: Tensor
    total: Tensor


def scatter_by_unit(rows: Tensor, classes: Classes) -> Scatter:
    """Split each unit's sum of squares about its mean."""
    membership = classes.membership
    parts = []
    for slab in slabs(rows):
        wide = centred(slab)
        means = (membership.T @ wide) / classes.sizes[:, None]
        between = (classes.sizes[:, None] * means.square()).sum(0)
        within = (wide - means[classes.labels]).square().sum(0)
        parts.append((within, between, wide.square().sum(0)))
    return Scatter(*(torch.cat(part) for part in zip(*parts, strict=True)))


FISHER = FunctionProbe("labels", {"ratio": "higher", "eta_squared": "higher"}, fisher, FlattenedSpec)
