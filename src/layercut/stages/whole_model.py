"""A source as it was trained: its blocks, and its own head where that is with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from layercut.models.base import CuttableModel
from layercut.plan.jobs import ModelRef
from layercut.stages.source import build_for
from layercut.strategies.primitives import load_blocks


class WholeModel(NamedTuple):
    """A model with a source's values."""

    model: CuttableModel
    has_head: bool
    """False where the weights hold no head that fits: what lies behind the blocks is then without meaning."""


def whole_model(ref: ModelRef, values: Mapping[str, Tensor], has_head: bool = True) -> WholeModel:
    """Build the model of a source; values: names of ours -> tensors.

    The number of classes follows from the weights: where the head of a model for three classes is larger than that
    for two, the weights' size there is the number.
    """
    num_classes = _num_classes(ref, values) if has_head else None
    model = build_for(ref, num_classes or 2, seed=0)
    if num_classes is None:
        load_blocks(model, dict(values), model.block_names)
    else:
        model.load_state_dict({name: values[name] for name in model.state_dict()})
    return WholeModel(model.eval(), num_classes is not None)


def _num_classes(ref: ModelRef, values: Mapping[str, Tensor]) -> int | None:
    two, three = (build_for(ref, num_classes, seed=0).state_dict() for num_classes in (2, 3))
    sizes = {
        int(values[name].shape[0])
        for name in two
        if name in values and values[name].dim() and two[name].shape[:1] != three[name].shape[:1]
    }
    if len(sizes) != 1:
        return None
    (num_classes,) = sizes
    wanted = build_for(ref, num_classes, seed=0).state_dict() if num_classes > 0 else {}
    fits = all(name in values and values[name].shape == value.shape for name, value in wanted.items())
    return num_classes if wanted and fits else None
