"""The convolutions and dense layers of a model, with their floating-point operations."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from layercut.models.base import CuttableModel, ImageShape


class ConvShape(NamedTuple):
    """One convolution on square images."""

    in_channels: int
    out_channels: int
    kernel_size: int
    padding: int
    side: int
    """Height and width of its input in pixels."""
    flops: int
    """Of the forward pass of one image."""

    def __str__(self) -> str:
        return f"{self.in_channels} -> {self.out_channels} channels at {self.side} x {self.side}"


def conv_shapes(model: CuttableModel, image_shape: ImageShape) -> list[ConvShape]:
    """Return the different convolutions of a model."""
    shapes: dict[ConvShape, None] = {}

    def see(module: nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        shape = ConvShape(
            module.in_channels,
            module.out_channels,
            module.kernel_size[0],
            int(module.padding[0]),
            inputs[0].shape[-1],
            layer_flops(module, output),
        )
        shapes[shape] = None

    hooks = [m.register_forward_hook(see) for m in model.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        model(torch.zeros(1, *image_shape))
    for hook in hooks:
        hook.remove()
    return list(shapes)


def first_layer_flops(model: CuttableModel, image_shape: ImageShape) -> list[int]:
    """Return the forward operations of the first weighted layer of each block, and last of the head, for one image.

    The first layer of what is trained needs no gradient for its input, so its backward pass is half as dear.
    """
    first: dict[nn.Module, int] = {}
    hooks = []
    for part in (*model.blocks, model.head):
        layer = next(m for m in part.modules() if isinstance(m, nn.Conv2d | nn.Linear))

        def see(module: nn.Module, inputs: object, output: Tensor) -> None:
            first[module] = layer_flops(module, output)

        hooks.append(layer.register_forward_hook(see))
    with torch.no_grad():
        model(torch.zeros(1, *image_shape))
    for hook in hooks:
        hook.remove()
    return list(first.values())


def layer_flops(module: nn.Module, output: Tensor) -> int:
    """Return the operations of a convolution or dense layer for one image; an addition and a product count 2."""
    if isinstance(module, nn.Conv2d):
        return 2 * prod(output.shape[1:]) * module.in_channels // module.groups * prod(module.kernel_size)
    if isinstance(module, nn.Linear):
        return 2 * module.in_features * module.out_features
    raise TypeError(f"expected a convolution or dense layer; got {type(module).__name__}")
