"""Models that can be cut, by name. Listing them imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercut.registry import Entry, Registry

if TYPE_CHECKING:
    from layercut.models.base import ModelFamily

MODELS: Registry[ModelFamily] = Registry(
    "model",
    {
        "plain_cnn": Entry(
            "layercut.models.plain_cnn:PLAIN_CNN",
            "equal convolutions, average pooling after every n-th, a dense head",
        ),
        "mlp": Entry("layercut.models.mlp:MLP", "dense layers of equal width on flattened pixels, a dense head"),
        "block_cnn": Entry(
            "layercut.models.block_cnn:BLOCK_CNN",
            "blocks of convolutions with norm and max pooling, three dense layers with dropout",
        ),
        "small_convnet": Entry(
            "layercut.models.small_convnet:SMALL_CONVNET", "two convolutions and two dense layers with dropout"
        ),
        "foreign": Entry(
            "layercut.models.foreign:FOREIGN", "your own model: {factory: package.module:function, options: {...}}"
        ),
        "module": Entry(
            "layercut.models.module:MODULE", "your own nn.Module from Python, as layercut.study(model=...) keeps it"
        ),
    },
    collections={
        "torchvision": Entry(
            "layercut.models.zoo.family:TORCHVISION", "any classifier of torchvision by its name there"
        ),
        "timm": Entry("layercut.models.zoo.family:TIMM", "any classifier of timm by its name there"),
    },
)

__all__ = ["MODELS"]
