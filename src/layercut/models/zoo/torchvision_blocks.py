"""Blocks of torchvision's classifiers, for the architectures that are lists of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import (
    VGG,
    AlexNet,
    ConvNeXt,
    DenseNet,
    EfficientNet,
    MobileNetV2,
    MobileNetV3,
    RegNet,
    ResNet,
    SwinTransformer,
    VisionTransformer,
)

from layercut.models.layout import Entering, Layout, Leaving, in_row
from layercut.models.zoo.library import Granularity


def torchvision_layout(model: nn.Module, granularity: Granularity) -> Layout | None:
    """Return a model's parts, or None where its architecture is not one of these."""
    for architecture, take_apart in _ARCHITECTURES.items():
        if isinstance(model, architecture):
            return take_apart(model, granularity)
    return None


def normal_classifier(std: float) -> Callable[[nn.Linear], None]:
    """Return what draws a classifier from a normal distribution, its bias zero."""

    def initialize(layer: nn.Linear) -> None:
        nn.init.normal_(layer.weight, std=std)
        _zero_bias(layer)

    return initialize


def truncated_normal_classifier(layer: nn.Linear) -> None:
    """Draw a classifier as transformers and ConvNeXt do."""
    nn.init.trunc_normal_(layer.weight, std=0.02)
    _zero_bias(layer)


def _resnet(model: Any, granularity: Granularity) -> Layout:
    blocks: dict[str, nn.Module] = {
        "stem": in_row([(n, getattr(model, n)) for n in ("conv1", "bn1", "relu", "maxpool")])
    }
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        blocks |= _stage(stage, getattr(model, stage), granularity)
    return Layout(blocks, _pooled(model.avgpool), model.fc, rank=3)


def _regnet(model: Any, granularity: Granularity) -> Layout:
    blocks: dict[str, nn.Module] = {"stem": model.stem}
    for name, stage in model.trunk_output.named_children():
        blocks |= _stage(name, stage, granularity)
    return Layout(blocks, _pooled(model.avgpool), model.fc, rank=3, initialize=normal_classifier(0.01))


def _features(initialize: Callable[[nn.Linear], None]) -> Callable[[Any, Granularity], Layout]:
    """Return what takes apart a model of `features`, average pooling and `classifier`."""

    def take_apart(model: Any, granularity: Granularity) -> Layout:
        blocks: dict[str, nn.Module] = {}
        for index, child in enumerate(model.features):
            plain = type(child) is nn.Sequential  # a stage; a convolution with its norm is one of a kind of its own
            blocks |= _stage(f"features{index}", child, granularity if plain else "stage")
        *hidden, out = model.classifier.children()
        pool = getattr(model, "avgpool", None) or nn.AdaptiveAvgPool2d((1, 1))
        return Layout(blocks, _pooled(pool, *hidden), out, rank=3, initialize=initialize)

    return take_apart


def _convnext(model: Any, granularity: Granularity) -> Layout:
    stem, *rest = model.features
    blocks: dict[str, nn.Module] = {"stem": stem}
    reductions = [None, *rest[1::2]]
    for index, (reduction, stage) in enumerate(zip(reductions, rest[::2], strict=True), start=1):
        first, *others = stage
        begin = first if reduction is None else in_row([("reduction", reduction), ("block", first)])
        blocks |= _stage(f"stage{index}", nn.Sequential(begin, *others), granularity)
    norm, flatten, out = model.classifier
    hidden = in_row([("pool", model.avgpool), ("norm", norm), ("flatten", flatten)])
    return Layout(blocks, hidden, out, rank=3, initialize=truncated_normal_classifier)


def _densenet(model: Any, granularity: Granularity) -> Layout:
    """Dense blocks are whole: each of their layers sees all earlier ones."""
    children = list(model.features.named_children())
    blocks: dict[str, nn.Module] = {"stem": in_row(children[:4])}
    *middle, (last, last_block), (_, norm) = children[4:]
    blocks |= dict(middle)
    blocks[last] = in_row([("dense", last_block), ("norm", norm), ("relu", nn.ReLU())])
    if granularity == "stage":
        names = list(blocks)[1:]
        pairs = [names[start : start + 2] for start in range(0, len(names), 2)]
        blocks = {"stem": blocks["stem"]} | {pair[0]: in_row([(n, blocks[n]) for n in pair]) for pair in pairs}
    return Layout(blocks, _pooled(nn.AdaptiveAvgPool2d((1, 1))), model.classifier, 3, _zero_bias)


def _vgg(model: Any, granularity: Granularity) -> Layout:
    """Convolutions up to each pooling; the dense layers `fc1` and `fc2` are blocks too."""
    blocks: dict[str, nn.Module] = {}
    layers: list[tuple[str, nn.Module]] = []
    for name, layer in model.features.named_children():
        layers.append((name, layer))
        if isinstance(layer, nn.MaxPool2d):
            blocks[f"conv{len(blocks) + 1}"] = in_row(layers)
            layers = []
    return _with_dense_blocks(model, blocks, {f"pool{i}": f"blocks.{name}" for i, name in enumerate(blocks, start=1)})


def _alexnet(model: Any, granularity: Granularity) -> Layout:
    """A block begins at each convolution; the dense layers `fc1` and `fc2` are blocks too."""
    blocks: dict[str, nn.Module] = {}
    layers: list[tuple[str, nn.Module]] = []
    for name, layer in model.features.named_children():
        if isinstance(layer, nn.Conv2d) and layers:
            blocks[f"conv{len(blocks) + 1}"] = in_row(layers)
            layers = []
        layers.append((name, layer))
    blocks[f"conv{len(blocks) + 1}"] = in_row(layers)
    return _with_dense_blocks(model, blocks, {name: f"blocks.{name}" for name in blocks})


def _with_dense_blocks(model: Any, blocks: dict[str, nn.Module], taps: dict[str, str]) -> Layout:
    """Take a dropout with the dense layer behind it, and the pooling with the first one."""
    pool = nn.Sequential(model.avgpool, nn.Flatten())
    layers: list[tuple[str, nn.Module]] = [("avgpool", model.avgpool), ("flatten", nn.Flatten())]
    *hidden, out = model.classifier
    num_dense = 0
    for index, layer in enumerate(hidden):
        layers.append((str(index), layer))
        if isinstance(layer, nn.ReLU):
            num_dense += 1
            blocks[f"fc{num_dense}"] = in_row(layers)
            taps[f"fc{num_dense}"] = f"blocks.fc{num_dense}"
            layers = []
    initialize = normal_classifier(0.01) if isinstance(model, VGG) else None
    return Layout(blocks, in_row(layers), out, 1, initialize, pool, taps=taps | {"output": ""})


class _VisionTransformerEmbedding(nn.Module):
    """Patches and class token with their positions; "n c h w" -> "n tokens width"."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.conv_proj = model.conv_proj
        self.class_token = model.class_token
        self.pos_embedding = model.encoder.pos_embedding
        self.dropout = model.encoder.dropout

    def forward(self, images: Tensor) -> Tensor:
        patches = self.conv_proj(images).flatten(2).permute(0, 2, 1)
        tokens = torch.cat([self.class_token.expand(len(images), -1, -1), patches], dim=1)
        embedded: Tensor = self.dropout(tokens + self.pos_embedding)
        return embedded


class _ClassToken(nn.Module):
    """The first token."""

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens[:, 0]


def _vision_transformer(model: Any, granularity: Granularity) -> Layout:
    blocks: dict[str, nn.Module] = {"embedding": _VisionTransformerEmbedding(model)}
    blocks |= {f"encoder{index}": layer for index, layer in enumerate(model.encoder.layers)}
    *hidden, out = model.heads.children()
    head = in_row([("norm", model.encoder.ln), ("token", _ClassToken()), *((str(i), m) for i, m in enumerate(hidden))])
    return Layout(blocks, head, out, rank=2, initialize=_zeros)


def _swin(model: Any, granularity: Granularity) -> Layout:
    """Inside, maps have their channels last; the merging of patches belongs to the stage behind it."""
    stem, *rest = model.features
    blocks: dict[str, nn.Module] = {"stem": nn.Sequential(*stem, Leaving(_LAST))}
    merging = [None, *rest[1::2]]
    for index, (merge, stage) in enumerate(zip(merging, rest[::2], strict=True), start=1):
        first = [("merging", merge)] if merge is not None else []
        parts = [
            in_row([("contiguous", Entering(_LAST)), *more, ("block", block), ("back", Leaving(_LAST))])
            for block, more in zip(stage, [first, *[[]] * len(stage)], strict=False)
        ]
        blocks |= _stage(f"stage{index}", nn.Sequential(*parts), granularity)
    head = [("contiguous", Entering(_LAST)), ("norm", model.norm), ("permute", model.permute)]
    hidden = in_row([*head, ("pool", model.avgpool), ("flatten", model.flatten)])
    return Layout(blocks, hidden, model.head, 3, truncated_normal_classifier)


_LAST = 2
"""Where Swin has the channels of its maps "h w c"."""


def _stage(name: str, stage: Any, granularity: Granularity) -> dict[str, nn.Module]:
    if granularity == "stage":
        return {name: stage}
    return {f"{name}_{index}": block for index, block in enumerate(stage)}


def _pooled(pool: nn.Module, *behind: nn.Module) -> nn.Sequential:
    layers = OrderedDict(pool=pool, flatten=nn.Flatten())
    return nn.Sequential(OrderedDict(layers, **{str(index): layer for index, layer in enumerate(behind)}))


def _uniform(layer: nn.Linear) -> None:
    bound = layer.out_features**-0.5
    nn.init.uniform_(layer.weight, -bound, bound)
    _zero_bias(layer)


def _zeros(layer: nn.Linear) -> None:
    nn.init.zeros_(layer.weight)
    _zero_bias(layer)


def _zero_bias(layer: nn.Linear) -> None:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


_ARCHITECTURES: dict[type[nn.Module], Callable[[Any, Granularity], Layout]] = {
    ResNet: _resnet,
    VGG: _vgg,
    AlexNet: _alexnet,
    VisionTransformer: _vision_transformer,
    SwinTransformer: _swin,
    ConvNeXt: _convnext,
    DenseNet: _densenet,
    RegNet: _regnet,
    EfficientNet: _features(_uniform),
    MobileNetV2: _features(normal_classifier(0.01)),
    MobileNetV3: _features(normal_classifier(0.01)),
}
"""Init: torchvision's own, from the constructors of these classes."""
