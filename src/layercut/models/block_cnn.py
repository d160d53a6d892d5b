"""A CNN of blocks with several convolutions each and a head of three dense layers.

Reference:
    The CIFAR-10 to CIFAR-100 and SVHN transfer project (`project_351`), README, "Model Configs": its shallow and deep
    networks are the presets, its keys are the options. We differ in that a convolution in front of a norm has no bias,
    and in dropping out behind the hidden dense layers instead of in front of them.
"""

from __future__ import annotations

from collections import OrderedDict
from math import prod
from typing import Literal

from pydantic import Field, model_validator
from torch import Tensor, nn

from layercut.checkpoints import WeightFile
from layercut.errors import SpecError
from layercut.models.activation import ACTIVATIONS, ActivationName
from layercut.models.base import CuttableModel, ImageShape
from layercut.spec.base import StrictSpec

PRESETS = {
    "shallow": [32, 128, 256, 512, 512, 128],
    "deep": [32, 128, 256, 512, 512, 512, 512, 128],
}

_NUM_DENSE = 2
"""Hidden dense layers of the head: the last entries of `hidden_dims`."""

_MOST_LAYERS = 100

WeightInit = Literal["default", "xavier", "kaiming", "normal"]

NORMAL_STD = 0.02


class BlockCnnOptions(StrictSpec):
    """Options of `block_cnn`."""

    preset: Literal["shallow", "deep"] = Field(default="shallow", description="The published widths: 4 or 6 blocks.")
    hidden_dims: list[int] | None = Field(
        default=None,
        min_length=_NUM_DENSE + 1,
        description="Channels of every block, then the widths of the head's two hidden dense layers; null: the preset.",
    )
    layers_per_block: int | list[int] = Field(
        default=1, description="Convolutions in every block: one number, or one per block."
    )
    apply_pooling: list[bool] | None = Field(
        default=None, description="Max pooling (2 x 2) at the end of each block; null: in all but the last."
    )
    apply_bn: list[bool] | None = Field(
        default=None, description="BatchNorm after each block's convolutions; null: in all but the last."
    )
    activation: ActivationName = Field(
        default="relu", description="Activation after every convolution and hidden dense layer."
    )
    dropout: float = Field(default=0.2, ge=0, lt=1, description="Dropout after the head's hidden dense layers.")
    weight_init: WeightInit = Field(
        default="default", description="Initial weights: `default` (torch's), `xavier`, `kaiming` or `normal`."
    )

    @model_validator(mode="after")
    def _one_value_a_block(self) -> BlockCnnOptions:
        if min([*self.dims, *self.num_layers]) < 1:
            raise ValueError("widths and numbers of layers, each at least 1")
        if max(self.num_layers) > _MOST_LAYERS:
            raise ValueError(f"at most {_MOST_LAYERS} convolutions per block")
        for name, values in (
            ("layers_per_block", self.num_layers),
            ("apply_pooling", self.pooling),
            ("apply_bn", self.norm),
        ):
            if len(values) != self.num_blocks:
                raise ValueError(
                    f"one value per block in {name}: hidden_dims names {self.num_blocks} blocks and "
                    f"{_NUM_DENSE} dense layers; got {len(values)}"
                )
        return self

    @property
    def dims(self) -> list[int]:
        """Return the widths of blocks and hidden dense layers."""
        return self.hidden_dims or PRESETS[self.preset]

    @property
    def num_blocks(self) -> int:
        """Return the number of blocks."""
        return len(self.dims) - _NUM_DENSE

    @property
    def num_layers(self) -> list[int]:
        """Return each block's number of convolutions."""
        layers = self.layers_per_block
        return layers if isinstance(layers, list) else [layers] * self.num_blocks

    @property
    def pooling(self) -> list[bool]:
        """Return which blocks end in a pooling."""
        return self._all_but_the_last(self.apply_pooling)

    @property
    def norm(self) -> list[bool]:
        """Return which blocks normalise."""
        return self._all_but_the_last(self.apply_bn)

    def _all_but_the_last(self, given: list[bool] | None) -> list[bool]:
        return [True] * (self.num_blocks - 1) + [False] if given is None else given


class BlockHead(nn.Module):
    """Flatten, two hidden dense layers with dropout, and the classifier.

    features: Float "n ..." -> logits: Float "n num_classes".
    """

    def __init__(self, num_features: int, num_classes: int, options: BlockCnnOptions) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for index, width in enumerate(options.dims[-_NUM_DENSE:], start=1):
            layers[f"dense{index}"] = nn.Linear(num_features, width)
            layers[f"activation{index}"] = ACTIVATIONS[options.activation]()
            layers[f"dropout{index}"] = nn.Dropout(options.dropout)
            num_features = width
        self.hidden = nn.Sequential(layers)
        self.out = nn.Linear(num_features, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.out(self.hidden(features.flatten(1)))
        return logits


class BlockCnn:
    """Blocks `block0`, `block1`, ...: convolutions with norm and activation each, and the pooling behind them."""

    options = BlockCnnOptions

    def build(self, options: BlockCnnOptions, image_shape: ImageShape, num_classes: int) -> CuttableModel:
        """Return a new model."""
        channels, *side = image_shape
        blocks: dict[str, nn.Module] = {}
        for index, width in enumerate(options.dims[:-_NUM_DENSE]):
            block = _block(channels, width, index, options)
            initialize(block, options.weight_init)
            blocks[f"block{index}"] = block
            side = [length // 2 for length in side] if options.pooling[index] else side
            if min(side) < 1:
                raise SpecError(
                    f"block_cnn: images of {image_shape[1]} x {image_shape[2]} pixels have no pixels left after block "
                    f"{index} of {options.num_blocks}; use fewer poolings (apply_pooling) or larger images"
                )
            channels = width
        taps = {name: f"blocks.{name}" for name in blocks}
        taps |= {f"fc{index}": f"head.hidden.activation{index}" for index in range(1, _NUM_DENSE + 1)}
        before = {}
        for index, name in enumerate(blocks):
            layer = "norm" if options.norm[index] else "conv"
            before[name] = f"blocks.{name}.{layer}{options.num_layers[index] - 1}"
        head = self.head(options, (channels, *side), num_classes)
        return CuttableModel(blocks, head, taps | {"output": ""}, before)

    def head(self, options: BlockCnnOptions, feature_shape: tuple[int, ...], num_classes: int) -> BlockHead:
        """Return flatten and three dense layers, for the features of any cut."""
        head = BlockHead(prod(feature_shape), num_classes, options)
        initialize(head, options.weight_init)
        return head

    def import_names(self, options: BlockCnnOptions, names: list[str]) -> dict[str, str] | None:
        """Files of the project's own program are read with `adapt`."""
        return None

    def file_names(self, options: BlockCnnOptions, image_shape: ImageShape) -> list[str]:
        """Return the names of weights in a file of the project's program."""
        return [f"{layer}.weight" for layer in _their_layers(options)]

    def adapt(self, options: BlockCnnOptions, image_shape: ImageShape, values: WeightFile) -> WeightFile:
        """Return the values of a file under our names, such as the project's program writes: `blocks.0.0.weight` ...

        A convolution there has a bias in front of a norm too; it moves into the mean that the norm takes off.
        """
        layers = _their_layers(options)
        ours = {}
        for name, value in values.items():
            layer, _, parameter = name.rpartition(".")
            ours[f"{layers[layer]}.{parameter}" if layer in layers else name] = value
        for index, normalized in enumerate(options.norm):
            for at in range(options.num_layers[index] if normalized else 0):
                bias, mean = (f"blocks.block{index}.{of}" for of in (f"conv{at}.bias", f"norm{at}.running_mean"))
                if bias in ours and mean in ours:
                    ours[mean] = ours[mean] - ours.pop(bias)
        return values.like(ours.items())


def _their_layers(options: BlockCnnOptions) -> dict[str, str]:
    """Return the project's name of each layer with values and ours: there a block is a row of numbered layers."""
    found = {"fc1": "head.hidden.dense1", "fc2": "head.hidden.dense2", "fc3": "head.out"}
    for index, norm in enumerate(options.norm):
        step = 3 if norm else 2
        for layer in range(options.num_layers[index]):
            found[f"blocks.{index}.{step * layer}"] = f"blocks.block{index}.conv{layer}"
            if norm:
                found[f"blocks.{index}.{step * layer + 1}"] = f"blocks.block{index}.norm{layer}"
    return found


def _block(channels: int, width: int, index: int, options: BlockCnnOptions) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for layer in range(options.num_layers[index]):
        # A bias in front of a norm changes nothing, so its gradient is rounding: Adam makes whole steps of that.
        layers[f"conv{layer}"] = nn.Conv2d(channels, width, 3, padding=1, bias=not options.norm[index])
        if options.norm[index]:
            layers[f"norm{layer}"] = nn.BatchNorm2d(width)
        layers[f"activation{layer}"] = ACTIVATIONS[options.activation]()
        channels = width
    if options.pooling[index]:
        layers["pool"] = nn.MaxPool2d(2)
    return nn.Sequential(layers)


BLOCK_CNN = BlockCnn()


def initialize(model: nn.Module, weight_init: WeightInit) -> None:
    """Redraw the weights of all convolutions and dense layers, biases zero; `default` leaves what torch drew.

    References:
        xavier: Glorot and Bengio 2010, equation 16 (uniform). kaiming: He et al. 2015, equation 10 (normal, over
        inputs). normal: a fixed standard deviation of 0.02.
    """
    if weight_init == "default":
        return
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            if weight_init == "xavier":
                nn.init.xavier_uniform_(layer.weight)
            elif weight_init == "kaiming":
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            else:
                nn.init.normal_(layer.weight, std=NORMAL_STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
