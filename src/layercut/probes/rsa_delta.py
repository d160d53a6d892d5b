"""How far the blocks on the diagonal of the dissimilarity matrix stand out, with images in order of class.

    delta = mean of 1 - r over pairs of different classes  -  mean over pairs of one class

Images whose units are all equal have no correlation and are left out.

Reference:
    The "diagonal-block delta" of a study of pretraining checkpoints and transfer; category structure in Kriegeskorte,
    Mur and Bandettini, "Representational similarity analysis", Frontiers in Systems Neuroscience 2, 2008.
"""

from __future__ import annotations

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.dissimilarity import comparable, dissimilarity, upper_triangle
from layercut.probes.function import FunctionProbe
from layercut.probes.vectors import FlattenedSpec


def rsa_delta(activations: Activations, options: FlattenedSpec) -> dict[str, float]:
    """Return the difference, within -2..2."""
    dissimilarities = dissimilarity(activations.features, options.view)
    kept = comparable(dissimilarities)
    classes = several_in_a_class(activations.labels[kept])
    pairs = upper_triangle(dissimilarities, kept)
    if pairs.max() == 0:
        raise ProbeUndefinedError("features of all images are perfectly correlated")
    same = upper_triangle(classes.same, kept[kept])
    return {"delta": float(pairs[~same].mean() - pairs[same].mean())}


RSA_DELTA = FunctionProbe("labels", {"delta": "higher"}, rsa_delta, FlattenedSpec)
