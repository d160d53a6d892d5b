"""A multi-layer perceptron on flattened pixels: the layer-freezing study's `is_cnn: false`."""

from __future__ import annotations

from collections import OrderedDict
from math import prod

from pydantic import Field
from torch import nn

from layercut.models.activation import ACTIVATIONS, ActivationName
from layercut.models.base import CuttableModel, DenseHead, ImageShape
from layercut.models.plain_cnn import seed_names
from layercut.spec.base import StrictSpec


class MlpOptions(StrictSpec):
    """Options of `mlp`."""

    depth: int = Field(default=3, ge=1, le=1000, description="Number of blocks.")
    width: int = Field(default=256, ge=1, description="Units of every block.")
    activation: ActivationName = Field(default="relu", description="Activation after every dense layer.")
    hidden: int | None = Field(default=None, ge=1, description="Width of a hidden dense layer in the head.")


class Mlp:
    """Blocks `dense0`, `dense1`, ...: dense layer and activation; the first one flattens the image."""

    options = MlpOptions

    def build(self, options: MlpOptions, image_shape: ImageShape, num_classes: int) -> CuttableModel:
        """Return a new model."""
        num_inputs = prod(image_shape)
        blocks: dict[str, nn.Module] = {}
        for index in range(options.depth):
            layers: OrderedDict[str, nn.Module] = OrderedDict()
            if index == 0:
                layers["flatten"] = nn.Flatten()
            layers["dense"] = nn.Linear(num_inputs, options.width)
            layers["activation"] = ACTIVATIONS[options.activation]()
            blocks[f"dense{index}"] = nn.Sequential(layers)
            num_inputs = options.width
        before = {name: f"blocks.{name}.dense" for name in blocks}
        return CuttableModel(blocks, self.head(options, (num_inputs,), num_classes), before_activation=before)

    def head(self, options: MlpOptions, feature_shape: tuple[int, ...], num_classes: int) -> DenseHead:
        """Return flatten + dense, for the features of any cut."""
        return DenseHead(prod(feature_shape), num_classes, options.hidden, ACTIVATIONS[options.activation])

    def import_names(self, options: MlpOptions, names: list[str]) -> dict[str, str] | None:
        """Read names `dense0.weight` ..., `fc.weight`, and `fc_2.weight` behind a hidden layer."""
        return seed_names(names, "dense", "dense", hidden=options.hidden is not None)


MLP = Mlp()
