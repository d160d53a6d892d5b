"""Mean silhouette of the images, the classes being the clusters.

    s_i = (b_i - a_i) / max(a_i, b_i)

with the mean distance a_i to the other images of the class and b_i to those of the nearest other class (Euclidean).

Reference:
    Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis", Journal of
    Computational and Applied Mathematics 20, 1987. As there, the only image of a class has 0.
"""

from __future__ import annotations

import torch

from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram, squared_distances
from layercut.probes.vectors import FlattenedSpec


def silhouette(activations: Activations, options: FlattenedSpec) -> dict[str, float]:
    """Return the mean over images, within -1..1."""
    classes = several_in_a_class(activations.labels)
    distances = squared_distances(centred_gram(activations.features, options.view)).sqrt()
    sums = distances @ classes.membership
    own = classes.labels[:, None]
    others = (classes.sizes[classes.labels] - 1)[:, None]
    inside = sums.gather(1, own) / others.clamp(min=1)
    outside = (sums / classes.sizes).scatter(1, own, torch.inf).amin(1, keepdim=True)
    widths = (outside - inside) / torch.maximum(inside, outside)
    widths[(others == 0) | (torch.maximum(inside, outside) == 0)] = 0.0
    return {"mean": float(widths.mean())}


SILHOUETTE = FunctionProbe("labels", {"mean": "higher"}, silhouette, FlattenedSpec)
