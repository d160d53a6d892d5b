"""Scalar products, distances and correlations between images: "n n" matrices, computed once for all probes of a place.

There are far more units than images (64 channels of 28 x 28 are 50,176), so what the features hold goes through these.
Distances and spectra are right only for centred values in float64: activations behind a ReLU lie far off the origin,
and float32 would lose the differences between images there.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.probes.vectors import View, centred, slabs, vectors

SAME = 1e-12
"""Squared distance, relative to the squared norms, below which two images count as the same."""
NUM_REMEMBERED = 6

_Function = Callable[[Tensor, View], Tensor]


def _remembered(function: _Function) -> _Function:
    """Keep the latest matrices as long as the features that they come from live and are not written to."""
    latest: OrderedDict[tuple[int, View], tuple[weakref.ref[Tensor], int, Tensor]] = OrderedDict()

    def remembering(features: Tensor, view: View) -> Tensor:
        if features.is_inference():  # has no version: writing to it would go unseen
            return function(features, view)
        key = (id(features), view)
        found = latest.get(key)
        if found is not None and found[0]() is features and found[1] == features._version:
            latest.move_to_end(key)
            return found[2]
        matrix = function(features, view)
        latest[key] = (weakref.ref(features, lambda _: latest.pop(key, None)), features._version, matrix)
        latest.move_to_end(key)
        if len(latest) > NUM_REMEMBERED:
            latest.popitem(last=False)
        return matrix

    remembering.__doc__ = function.__doc__
    return remembering


@_remembered
def centred_gram(features: Tensor, view: View) -> Tensor:
    """Return float64 "n n": scalar products of the vectors minus their mean; not to be written to.

    Raises:
        ProbeUndefinedError: see `vectors`; or all images are equal.
    """
    products = _summed(centred(slab) for slab in slabs(vectors(features, view)))
    if not products.diagonal().sum() > 0:
        raise ProbeUndefinedError("features are the same for every image")
    return products


@_remembered
def gram(features: Tensor, view: View) -> Tensor:
    """Return float64 "n n": scalar products of the vectors as they are; not to be written to."""
    return _summed(slab.double() for slab in slabs(vectors(features, view)))


@_remembered
def correlations(features: Tensor, view: View) -> Tensor:
    """Return float64 "n n": Pearson's correlation over units between images; not to be written to.

    NaN in the rows and columns of images whose units are all equal.
    """
    rows = vectors(features, view)
    first = rows[:, :1].double()  # taken off before the mean, so that equal units become exactly zero
    means = sum((slab.double() - first).sum(1, keepdim=True) for slab in slabs(rows)) / rows.shape[1]
    products = _summed(slab.double() - first - means for slab in slabs(rows))
    norms = products.diagonal().sqrt()
    return (products / norms[:, None] / norms).clamp(-1, 1)


def _summed(parts: Iterator[Tensor]) -> Tensor:
    first = next(parts)
    products = first @ first.T
    for part in parts:
        products.addmm_(part, part.T)
    return products


def squared_distances(products: Tensor) -> Tensor:
    """Return "n n" squared Euclidean distances from scalar products; exactly 0 between equal images."""
    norms = products.diagonal()
    sums = norms[:, None] + norms
    distances = sums - 2 * products
    return distances.masked_fill(distances <= SAME * sums, 0.0)


def coordinates(products: Tensor) -> Tensor:
    """Return "n r" with the given scalar products: the vectors turned onto their r principal axes, largest first.

    Whatever a turn of the features does not change can be computed on these few columns.
    """
    values, axes = torch.linalg.eigh(products)
    kept = values > values[-1] * len(products) * torch.finfo(torch.float64).eps
    scaled: Tensor = axes[:, kept] * values[kept].sqrt()
    return scaled.flip(1)
