"""Representational similarity: do two models find the same images similar?

Spearman's rank correlation between the upper triangles of two dissimilarity matrices (one minus Pearson's correlation
over units), of the source model and of one trained on the target. Images whose units are all equal in one of the
models have no correlation and are left out.

Reference:
    Kriegeskorte, Mur and Bandettini, "Representational similarity analysis", Frontiers in Systems Neuroscience 2, 2008.
    No differences.
"""

from __future__ import annotations

from layercut.probes.base import Activations
from layercut.probes.dissimilarity import comparable, dissimilarity, spearman, upper_triangle
from layercut.probes.function import FunctionProbe
from layercut.probes.reference import reference_features
from layercut.probes.vectors import FlattenedSpec


def rsa(activations: Activations, options: FlattenedSpec) -> dict[str, float]:
    """Return the rank correlation, within -1..1."""
    ours = dissimilarity(activations.features, options.view)
    theirs = dissimilarity(reference_features(activations), options.view)
    kept = comparable(ours, theirs)
    return {"spearman": spearman(upper_triangle(ours, kept), upper_triangle(theirs, kept))}


RSA = FunctionProbe("pair", {"spearman": "higher"}, rsa, FlattenedSpec)
