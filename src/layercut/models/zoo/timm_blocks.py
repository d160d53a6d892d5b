"""Blocks of timm's classifiers, for the architectures that are lists of them; all others are cut on their graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from timm.layers import global_pool_nlc
from timm.models.convnext import ConvNeXt
from timm.models.resnet import ResNet
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from layercut.models.layout import Layout, in_row
from layercut.models.stages import Parts, parts_of
from layercut.models.zoo.library import Granularity
from layercut.models.zoo.torchvision_blocks import truncated_normal_classifier


def timm_layout(model: nn.Module, granularity: Granularity) -> Layout | None:
    """Return a model's parts, or None where its architecture is not one of these."""
    if type(model) is ResNet:
        return _resnet(model, granularity)
    if type(model) is VisionTransformer:
        return _vision_transformer(model)
    if type(model) is ConvNeXt:
        return _convnext(model, granularity)
    return None


def timm_stages(model: Any) -> dict[str, Parts]:
    """Return what blocks are with `granularity: stage`, or the modules of `feature_info`.

    None where its features have one size: the blocks of a transformer are all alike.
    """
    if type(model) in _WITH_STAGES:
        layout = _WITH_STAGES[type(model)](model, "stage")
        return {name: parts_of(stage) for name, stage in layout.blocks.items()}
    told = getattr(model, "feature_info", None)
    rows = [row for row in told if isinstance(row, dict)] if isinstance(told, list) else []
    if len({row.get("reduction") for row in rows}) < 2:
        return {}
    modules = dict(model.named_modules())
    paths = [row["module"] for row in rows if row.get("module") in modules]
    return {path.replace(".", "_"): parts_of(modules[path]) for path in paths}


def _resnet(model: Any, granularity: Granularity) -> Layout:
    stem = ("conv1", "bn1", "act1", "maxpool")
    blocks: dict[str, nn.Module] = {"stem": in_row([(name, getattr(model, name)) for name in stem])}
    for name in ("layer1", "layer2", "layer3", "layer4"):
        blocks |= _stage(name, getattr(model, name), granularity)
    hidden = in_row([("pool", model.global_pool), ("dropout", nn.Dropout(float(model.drop_rate)))])
    return Layout(blocks, hidden, model.fc, rank=3)


def _convnext(model: Any, granularity: Granularity) -> Layout:
    blocks: dict[str, nn.Module] = {"stem": model.stem}
    for index, stage in enumerate(model.stages):
        first, *others = stage.blocks
        begin = in_row([("downsample", stage.downsample), ("block", first)])
        blocks |= _stage(f"stage{index}", nn.Sequential(begin, *others), granularity)
    head = model.head
    hidden = [("norm_pre", model.norm_pre), *((n, m) for n, m in head.named_children() if n != "fc")]
    return Layout(blocks, in_row(hidden), head.fc, rank=3, initialize=truncated_normal_classifier)


class _Embedding(nn.Module):
    """Patches and prefix tokens with their positions, by the model's own methods; "n c h w" -> "n tokens width"."""

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.model = model
        for part in ("blocks", "norm", "fc_norm", "head_drop", "head"):
            setattr(model, part, nn.Identity())

    def forward(self, images: Tensor) -> Tensor:
        model: Any = self.model
        tokens: Tensor = model.norm_pre(model.patch_drop(model._pos_embed(model.patch_embed(images))))
        return tokens


class _TokenPool(nn.Module):
    """From all tokens to one vector, as the model is made to."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.kind = model.global_pool
        self.num_prefix_tokens = model.num_prefix_tokens
        self.include_prefix = model.pool_include_prefix

    def forward(self, tokens: Tensor) -> Tensor:
        pooled: Tensor = global_pool_nlc(
            tokens, self.kind, num_prefix_tokens=self.num_prefix_tokens, reduce_include_prefix=self.include_prefix
        )
        return pooled


def _vision_transformer(model: Any) -> Layout | None:
    if model.attn_pool is not None or not model.global_pool:
        return None
    hidden = [("norm", model.norm), ("pool", _TokenPool(model)), ("fc_norm", model.fc_norm), ("drop", model.head_drop)]
    encoders, out = list(model.blocks), model.head
    blocks: dict[str, nn.Module] = {"embedding": _Embedding(model)}
    blocks |= {f"encoder{index}": block for index, block in enumerate(encoders)}
    return Layout(blocks, in_row(hidden), out, rank=2, initialize=truncated_normal_classifier)


def _stage(name: str, stage: Any, granularity: Granularity) -> dict[str, nn.Module]:
    if granularity == "stage":
        return {name: stage}
    return {f"{name}_{index}": block for index, block in enumerate(stage)}


_WITH_STAGES: dict[type[nn.Module], Callable[[Any, Granularity], Layout]] = {ResNet: _resnet, ConvNeXt: _convnext}
"""Architectures of which stages are blocks, too."""
