"""Shapes, operations and parameters of a model, measured with one blank image before it has weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from layercut.errors import SpecError, one_line
from layercut.models.backward import Unrepeatable, noted_unrepeatable
from layercut.models.base import CuttableModel, ImageShape, ModelFamily, seeded_build, seeded_head
from layercut.models.batch_norm import noted_norms
from layercut.models.bounded import within_memory
from layercut.models.families import AdaptingFamily
from layercut.models.operations import run_counted
from layercut.models.stages import stages_by_size


class ModelPlan(NamedTuple):
    """What is known of a model before it has weights."""

    block_names: list[str]
    feature_shapes: list[tuple[int, ...]]
    """Shape of one image's features at each cut 0..B; cut 0 is the image itself."""
    block_flops: list[int]
    """Floating-point operations of each block's forward pass for one image."""
    head_flops: list[int]
    """The same of the head after a truncation at each cut 0..B; the last one is the whole model's."""
    block_parameters: list[int]
    """Numbers of trained values of each block."""
    random_blocks: list[str]
    """Names of the blocks that draw at random in training."""
    random_head: bool
    """Whether a head draws at random in training."""
    block_norms: list[int | None]
    """An image's values a channel at the narrowest batch normalisation of each block; None where it has none."""
    head_norm: int | None
    """The same of all heads."""
    traced: bool
    """Whether its cuts were found on its graph."""
    stages: dict[str, int]
    """Stages by name and the cut at which each ends; none where every block is one."""
    block_unrepeatable: list[Unrepeatable]
    """Operations of each block without a deterministic backward pass on a GPU."""
    head_unrepeatable: list[Unrepeatable]
    """The same of the head at each cut 0..B."""


def plan_model(family: ModelFamily, options: Any, image_shape: ImageShape, num_classes: int) -> ModelPlan:
    """Measure shapes and operations with one blank image."""
    if not isinstance(family, AdaptingFamily):  # no library's or user's code: sizes are known without values
        with within_memory("the model"), torch.device("meta"):
            seeded_build(family, options, image_shape, num_classes, seed=0)
    with within_memory("the model"):
        model = seeded_build(family, options, image_shape, num_classes, seed=0).eval().requires_grad_(False)
    with within_memory("an image"):
        features = torch.zeros(1, *image_shape)
    shapes: list[tuple[int, ...]] = [image_shape]
    block_flops: list[int] = []
    block_norms: list[int | None] = []
    block_unrepeatable: list[Unrepeatable] = []
    head_flops: list[int] = []
    head_unrepeatable: list[Unrepeatable] = []
    for name, block in model.blocks.named_children():
        try:
            with noted_norms(block) as noted, noted_unrepeatable(block) as operations:
                features, flops = run_counted(block, features)
        except (RuntimeError, ValueError, AssertionError) as error:  # whatever the layers say about sizes
            reason = one_line(error, 200)
            raise SpecError(
                f"images of shape {image_shape} do not pass through the block {name!r}: {reason}"
            ) from error
        shapes.append(tuple(features.shape[1:]))
        block_flops.append(flops)
        block_norms.append(min(noted, default=None))
        block_unrepeatable.append(operations.answer())
    with within_memory("the model's heads, one for each cut,"):
        heads = [seeded_head(family, options, shape, num_classes, seed=0) for shape in shapes]
    with noted_norms(nn.ModuleList(heads).eval()) as noted:
        for head, shape in zip(heads, shapes, strict=True):
            with noted_unrepeatable(head) as operations:
                head_flops.append(run_counted(head, torch.zeros(1, *shape))[1])
            head_unrepeatable.append(operations.answer())
    block_parameters = [sum(parameter.numel() for parameter in block.parameters()) for block in model.blocks]
    random_blocks = [name for name, block in model.blocks.named_children() if random_layers(block)]
    random_head = any(random_layers(head) for head in heads)
    return ModelPlan(
        model.block_names,
        shapes,
        block_flops,
        head_flops,
        block_parameters,
        random_blocks,
        random_head,
        block_norms,
        min(noted, default=None),
        any(getattr(layer, "is_traced", False) for layer in model.blocks.modules()),
        _stages(model, shapes),
        block_unrepeatable,
        head_unrepeatable,
    )


def _stages(model: CuttableModel, shapes: list[tuple[int, ...]]) -> dict[str, int]:
    if model.stages is None:
        return {}
    names = model.block_names
    ends = model.stages or stages_by_size(names, shapes[1:])
    return {stage: names.index(block) + 1 for stage, block in ends.items()}


def random_layers(model: nn.Module, in_this_mode: bool = False) -> list[str]:
    """Return the names of the layers that draw at random in training: dropout and its kin.

    `in_this_mode` leaves out those that are in eval mode now.
    """
    layers = [(name, layer) for name, layer in model.named_modules() if layer.training or not in_this_mode]
    return [name or type(layer).__name__ for name, layer in layers if _draws_at_random(layer)]


def _draws_at_random(layer: nn.Module) -> bool:
    if getattr(layer, "draws_at_random", False):  # says so itself: the functions in it do
        return True
    if isinstance(layer, _DropoutNd):
        return bool(layer.p > 0)
    if isinstance(layer, nn.MultiheadAttention):
        return bool(layer.dropout > 0)
    name = type(layer).__name__  # of libraries that are slow to import
    if name == "StochasticDepth":
        return bool(layer.p)
    return isinstance(layer, nn.RReLU) or (name in {"DropPath", "DropBlock2d"} and bool(layer.drop_prob))
