"""The few verbs that strategies are made of."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from layercut.models.base import CuttableModel
from layercut.strategies.base import State


def load_blocks(model: CuttableModel, source: State, blocks: Iterable[str]) -> None:
    """Give the named blocks the source's values, parameters and buffers matched by qualified name.

    Raises:
        KeyError: the source has no value of that name.
    """
    _load(model, source, [f"blocks.{name}." for name in blocks])


def load_hidden(model: CuttableModel, source: State) -> None:
    """Give the head the source's values, the classifier `head.out` excepted: its hidden layers, where it has any."""
    _load(model, source, [f"head.{name}." for name, _ in model.head.named_children() if name != "out"])


def truncate(model: CuttableModel, cut: int, head: nn.Module) -> CuttableModel:
    """Return a model of the first `cut` blocks and a head that fits them."""
    return CuttableModel(dict(model.trunk(cut).named_children()), head)


def _load(model: CuttableModel, source: State, prefixes: list[str]) -> None:
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.startswith(tuple(prefixes)):
                value.copy_(source[name])
