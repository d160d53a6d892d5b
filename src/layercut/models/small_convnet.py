"""The CNN of the transferability study on MNIST-like sets: two convolutions, two dense layers, dropout.

Reference:
    F. Bemmerl, "Transferability in DNN" (Master thesis, TU Berlin), `mnist_archs.py`. We differ in that dropout between
    blocks belongs to the block after it, so that a frozen trunk never has one at its end.
"""

from __future__ import annotations

from collections import OrderedDict
from math import prod

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from layercut.errors import SpecError
from layercut.models.base import CuttableModel, ImageShape
from layercut.spec.base import StrictSpec

_KERNEL = 3

_THEIRS = {"conv1": "blocks.conv1.conv", "conv2": "blocks.conv2.conv", "fc1": "blocks.dense1.dense", "fc2": "head.out"}
"""Layers of the thesis's program and ours."""


class SmallConvnetOptions(StrictSpec):
    """Options of `small_convnet`."""

    channels: list[PositiveInt] = Field(
        default=[32, 64], min_length=2, max_length=2, description="Channels of the two convolutions."
    )
    hidden: int = Field(default=128, ge=1, description="Width of the first dense layer.")
    channel_dropout: float = Field(default=0.25, ge=0, lt=1, description="Fraction of channels dropped before it.")
    dropout: float = Field(default=0.5, ge=0, lt=1, description="Fraction of units dropped before the classifier.")


class DropoutHead(nn.Module):
    """Dropout, flatten and the classifier.

    features: Float "n ..." -> logits: Float "n num_classes".
    """

    def __init__(self, num_features: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(num_features, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.out(self.dropout(features.flatten(1)))
        return logits


class SmallConvnet:
    """Blocks `conv1`, `conv2`, each with ReLU and max pooling, and `dense1`."""

    options = SmallConvnetOptions

    def build(self, options: SmallConvnetOptions, image_shape: ImageShape, num_classes: int) -> CuttableModel:
        """Return a new model."""
        channels, *side = image_shape
        blocks: dict[str, nn.Module] = {}
        for index, width in enumerate(options.channels, start=1):
            blocks[f"conv{index}"] = nn.Sequential(
                OrderedDict(
                    conv=nn.Conv2d(channels, width, _KERNEL),
                    activation=nn.ReLU(),
                    pool=nn.MaxPool2d(2),
                )
            )
            side = [(length - _KERNEL + 1) // 2 for length in side]
            if min(side) < 1:
                raise SpecError(
                    f"small_convnet: images of {image_shape[1]} x {image_shape[2]} pixels have no pixels left after "
                    f"conv{index}; use images of at least 10 x 10 pixels"
                )
            channels = width
        blocks["dense1"] = nn.Sequential(
            OrderedDict(
                dropout=nn.Dropout2d(options.channel_dropout),
                flatten=nn.Flatten(),
                dense=nn.Linear(channels * prod(side), options.hidden),
                activation=nn.ReLU(),
            )
        )
        taps = {
            "conv1": "blocks.conv1.activation",
            "pool1": "blocks.conv1",
            "conv2": "blocks.conv2.activation",
            "pool2": "blocks.conv2",
            "fc1": "blocks.dense1",
            "output": "",
        }
        before = {name: f"blocks.{name}.{'dense' if name == 'dense1' else 'conv'}" for name in blocks}
        return CuttableModel(blocks, self.head(options, (options.hidden,), num_classes), taps, before)

    def head(self, options: SmallConvnetOptions, feature_shape: tuple[int, ...], num_classes: int) -> DropoutHead:
        """Return dropout, flatten and dense, for the features of any cut."""
        return DropoutHead(prod(feature_shape), num_classes, options.dropout)

    def import_names(self, options: SmallConvnetOptions, names: list[str]) -> dict[str, str] | None:
        """Read the names of the thesis's own program: `conv1.weight` ..., `fc1.weight`, `fc2.weight`."""
        modules = {name.rpartition(".")[0] for name in names}
        if modules != set(_THEIRS):
            return None
        return {name: f"{_THEIRS[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}" for name in names}


SMALL_CONVNET = SmallConvnet()
