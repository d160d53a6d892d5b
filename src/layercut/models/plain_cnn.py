"""The CNN of the layer-freezing study: equal convolutions, a pooling after every n-th, one dense layer.

Reference:
    "Exploring Layer Freezing in Transfer Learning" (mp-tl-study), README, "How to control the parameters".
    We differ in that a block without pooling is asked for with `pool_every: null`.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from math import prod

from pydantic import Field
from torch import nn

from layercut.errors import SpecError
from layercut.models.activation import ACTIVATIONS, ActivationName
from layercut.models.base import CuttableModel, DenseHead, ImageShape
from layercut.spec.base import StrictSpec


class PlainCnnOptions(StrictSpec):
    """Options of `plain_cnn`."""

    depth: int = Field(default=6, ge=1, le=1000, description="Number of blocks.")
    channels: int = Field(default=64, ge=1, description="Channels of every convolution.")
    kernel_size: int = Field(default=3, ge=1, description="Side of every convolution; padded by its half.")
    activation: ActivationName = Field(default="relu", description="Activation after every convolution.")
    pool_every: int | None = Field(
        default=2, ge=1, description="Average pooling (2 x 2) in every n-th block; null: none."
    )
    pool_stride: int = Field(default=2, ge=1, description="Stride of the pooling.")
    hidden: int | None = Field(default=None, ge=1, description="Width of a hidden dense layer in the head.")


class PlainCnn:
    """Blocks `conv0`, `conv1`, ...: convolution, activation and the pooling behind it."""

    options = PlainCnnOptions

    def build(self, options: PlainCnnOptions, image_shape: ImageShape, num_classes: int) -> CuttableModel:
        """Return a new model."""
        channels, *side = image_shape
        blocks: dict[str, nn.Module] = {}
        for index in range(options.depth):
            layers: OrderedDict[str, nn.Module] = OrderedDict()
            layers["conv"] = nn.Conv2d(
                channels, options.channels, options.kernel_size, padding=options.kernel_size // 2
            )
            side = [length + 2 * (options.kernel_size // 2) - options.kernel_size + 1 for length in side]
            layers["activation"] = ACTIVATIONS[options.activation]()
            if options.pool_every and (index + 1) % options.pool_every == 0:
                layers["pool"] = nn.AvgPool2d(2, options.pool_stride)
                side = [(length - 2) // options.pool_stride + 1 for length in side]
            if min(side) < 1:
                raise SpecError(
                    f"plain_cnn: images of {image_shape[1]} x {image_shape[2]} pixels have no pixels left after block "
                    f"{index} of {options.depth}; use fewer blocks, a larger pool_every, or larger images"
                )
            blocks[f"conv{index}"] = nn.Sequential(layers)
            channels = options.channels
        before = {name: f"blocks.{name}.conv" for name in blocks}
        return CuttableModel(blocks, self.head(options, (channels, *side), num_classes), before_activation=before)

    def head(self, options: PlainCnnOptions, feature_shape: tuple[int, ...], num_classes: int) -> DenseHead:
        """Return flatten + dense, for the features of any cut."""
        return DenseHead(prod(feature_shape), num_classes, options.hidden, ACTIVATIONS[options.activation])

    def import_names(self, options: PlainCnnOptions, names: list[str]) -> dict[str, str] | None:
        """Read mp-tl-study's names: `conv0.weight` ..., `fc.weight`, and `fc_2.weight` behind a hidden layer."""
        return seed_names(names, "conv", "conv", hidden=options.hidden is not None)


def seed_names(names: list[str], foreign_block: str, layer: str, hidden: bool) -> dict[str, str] | None:
    """Return mp-tl-study's parameter names -> ours, or None where `names` are not all of that format."""
    dense = {"fc": "head.hidden", "fc_2": "head.out"} if hidden else {"fc": "head.out"}
    ours: dict[str, str] = {}
    for name in names:
        module, _, parameter = name.rpartition(".")
        if module in dense:
            ours[name] = f"{dense[module]}.{parameter}"
        elif re.fullmatch(rf"{foreign_block}\d+", module):
            ours[name] = f"blocks.{module}.{layer}.{parameter}"
        else:
            return None
    return ours


PLAIN_CNN = PlainCnn()
