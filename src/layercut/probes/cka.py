"""Centred kernel alignment between two models, linear kernel.

    linear   = <K, L> / (|K| |L|)                  K, L: scalar products of centred features
    debiased = HSIC_u(K, L) / sqrt(HSIC_u(K, K) HSIC_u(L, L))

`linear` nears 1 for any two models where units are many and images few; `debiased` has expectation 0 for unrelated
ones and may be negative.

References:
    Kornblith, Norouzi, Lee and Hinton, "Similarity of neural network representations revisited", ICML 2019.
    Song, Smola, Gretton, Bedo and Borgwardt, "Feature selection via dependence maximization", JMLR 13, 2012, eq. 5
    (unbiased HSIC). No differences.
"""

from __future__ import annotations

import math

from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram
from layercut.probes.reference import reference_features
from layercut.probes.vectors import FlattenedSpec

LEAST_IMAGES = 4


def cka(activations: Activations, options: FlattenedSpec) -> dict[str, float]:
    """Return both alignments."""
    if len(activations.features) < LEAST_IMAGES:
        raise ProbeUndefinedError(f"needs {LEAST_IMAGES} images; got {len(activations.features)}")
    ours = centred_gram(activations.features, options.view)
    theirs = centred_gram(reference_features(activations), options.view)
    scale = unbiased_hsic(ours, ours) * unbiased_hsic(theirs, theirs)
    if scale <= 0:
        raise ProbeUndefinedError("the unbiased variance of the features is not positive")
    return {
        "linear": float((ours * theirs).sum() / (ours.norm() * theirs.norm())),
        "debiased": unbiased_hsic(ours, theirs) / math.sqrt(scale),
    }


def unbiased_hsic(first: Tensor, second: Tensor) -> float:
    """Return the unbiased estimate of the Hilbert-Schmidt independence criterion from two "n n" kernels."""
    n = len(first)
    first = first - first.diagonal().diag()
    second = second - second.diagonal().diag()
    of_pairs = (first * second).sum()
    of_sums = first.sum() * second.sum() / ((n - 1) * (n - 2))
    of_rows = 2 / (n - 2) * (first.sum(0) * second.sum(0)).sum()
    return float((of_pairs + of_sums - of_rows) / (n * (n - 3)))


CKA = FunctionProbe("pair", {"linear": "higher", "debiased": "higher"}, cka, FlattenedSpec)
