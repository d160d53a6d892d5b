"""Centred features of one scale on their principal axes: as many columns as images or features, whichever is fewer.

A turn changes neither an L2 penalty nor a fit, and what an L2 penalty lets a linear model learn lies in the space of
its images: with 200 images of 50,000 features, 200 columns hold everything. Features are read in slabs of columns, so
that no second matrix of their size is needed.

All features are divided by one number. Each by its own deviation, as is usual for tables, makes as much of features
that hardly ever vary as of those that a network was trained for: with two dozen images that cost the last features of
an ImageNet model 1 to 12 points of accuracy (docs/decisions/0061).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

MOST_AXES = 4096
"""Above so many images and features both, the axes cost more than they save: features are only scaled."""

SLAB_NUMBERS = 2**19
"""Of one slab of columns: 4 MiB in float64, about what stays in a core's cache."""

CONSTANT = 8 * torch.finfo(torch.float32).eps
"""Deviation relative to the size of the values below which a column says nothing: float32 features round so."""


class Turned(NamedTuple):
    """Images as a solver sees them."""

    coordinates: Tensor
    """Float64 "n axes", of all images; those that the axes come from have mean 0 where there is a bias."""
    spread: Tensor
    """Float64 "axes": mean square along each axis of the images that the axes come from."""
    dense: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    """Weights on the axes, "axes classes", and a bias, "classes" -> those of a dense layer on the features as they
    are: Float64 "classes features" and "classes"."""


def turn(features: Tensor, seen: Tensor, centred: bool = True) -> Turned:
    """Centre and scale features by the images at `seen` alone, and turn all images onto the axes of these.

    These have a mean squared distance of 1 from their centre; a constant feature becomes 0.

    Args:
        features: Float32 "n features".
        seen: Int64 positions of the images that count, at least one.
        centred: False leaves the mean where it is, for a layer without a bias.
    """
    scaled = _scaled(features, seen, centred)
    num_seen, num_features = len(seen), features.shape[1]
    if min(num_seen, num_features) > MOST_AXES:
        return _as_they_are(features, seen, scaled)
    if num_features < num_seen:
        return _by_features(features, seen, scaled)
    return _by_images(features, seen, scaled)


class _Scaled(NamedTuple):
    """The shift and scale of each column: one scale for all, but 0 for a constant column."""

    centre: Tensor
    scale: Tensor

    def apply(self, slab: Tensor, columns: slice) -> Tensor:
        return (slab.double() - self.centre[columns]) * self.scale[columns]

    def dense(self, weights: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Return the layer on raw features that does what `weights`, "features classes", do on scaled ones."""
        scaled = weights * self.scale[:, None]
        return scaled.T, bias - self.centre @ scaled


def _scaled(features: Tensor, seen: Tensor, centred: bool) -> _Scaled:
    centres, squares = [], []
    for columns in _slabs(features):
        slab = features[seen, columns].double()
        centre = slab.mean(0) if centred else torch.zeros_like(slab[0])
        square = (slab - centre).square().mean(0)
        centres.append(centre)
        squares.append(torch.where(square.sqrt() > CONSTANT * slab.abs().amax(0), square, 0.0))
    square = torch.cat(squares)
    return _Scaled(torch.cat(centres), torch.where(square > 0, square.sum().rsqrt(), 0.0))


def _as_they_are(features: Tensor, seen: Tensor, scaled: _Scaled) -> Turned:
    coordinates = scaled.apply(features, slice(None))
    spread = coordinates[seen].square().mean(0)
    return Turned(coordinates, spread, scaled.dense)


def _by_features(features: Tensor, seen: Tensor, scaled: _Scaled) -> Turned:
    values = scaled.apply(features, slice(None))
    squares, axes = _axes(values[seen].T @ values[seen])
    return Turned(
        values @ axes,
        squares / len(seen),
        lambda weights, bias: scaled.dense(axes @ weights, bias),
    )


def _by_images(features: Tensor, seen: Tensor, scaled: _Scaled) -> Turned:
    products = torch.zeros(len(features), len(seen), dtype=torch.float64, device=features.device)
    for columns in _slabs(features):
        slab = scaled.apply(features[:, columns], columns)
        products.addmm_(slab, slab[seen].T)
    squares, axes = _axes(products[seen])
    unit = axes / squares.sqrt()

    def dense(weights: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        shares = unit @ weights  # of each image in the weights
        slabs = [scaled.apply(features[:, columns], columns)[seen].T @ shares for columns in _slabs(features)]
        return scaled.dense(torch.cat(slabs), bias)

    return Turned(products @ unit, squares / len(seen), dense)


def _axes(products: Tensor) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues of a matrix of products that are not rounding, and their unit vectors as columns."""
    values, vectors = torch.linalg.eigh(products)
    kept = values > values[-1].clamp(min=0) * len(values) * torch.finfo(torch.float64).eps
    return values[kept], vectors[:, kept]


def _slabs(features: Tensor) -> Iterator[slice]:
    width = max(1, SLAB_NUMBERS // max(1, len(features)))
    for start in range(0, features.shape[1], width):
        yield slice(start, start + width)
