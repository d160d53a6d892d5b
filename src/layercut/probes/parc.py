"""Do images that differ in features differ in class? Rank correlation of the two dissimilarity matrices.

Spearman's correlation between one minus Pearson's correlation of features, and one minus Pearson's correlation of
one-hot labels, over pairs of images. The latter has two values, the smaller within a class, so "of different class"
(0 or 1) has the same ranks. Images whose units are all equal have no correlation and are left out.

Reference:
    Bolya, Mittapalli and Hoffman, "Scalable diverse model selection for accessible transfer learning", NeurIPS 2021.
    Theirs is 100 times ours, and reduces the features to fewer axes as an option.
"""

from __future__ import annotations

from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.dissimilarity import comparable, dissimilarity, spearman, upper_triangle
from layercut.probes.function import FunctionProbe
from layercut.probes.vectors import PooledSpec


def parc(activations: Activations, options: PooledSpec) -> dict[str, float]:
    """Return the rank correlation, within -1..1."""
    dissimilarities = dissimilarity(activations.features, options.view)
    kept = comparable(dissimilarities)
    classes = several_in_a_class(activations.labels[kept])
    different = upper_triangle((~classes.same).double(), kept[kept])
    return {"spearman": spearman(upper_triangle(dissimilarities, kept), different)}


PARC = FunctionProbe("labels", {"spearman": "higher"}, parc, PooledSpec)
