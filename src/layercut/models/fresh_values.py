"""Draw new initial values for an existing model, by its layers' own `reset_parameters`."""

from __future__ import annotations

import copy

import torch
from torch import nn


def draw(model: nn.Module) -> None:
    """Let every layer that has `reset_parameters` draw its initial values, from torch's global generator."""
    with torch.no_grad():
        for layer in model.modules():
            reset = getattr(layer, "reset_parameters", None) or getattr(layer, "_reset_parameters", None)
            if callable(reset):
                reset()


def not_drawn(model: nn.Module) -> list[str]:
    """Return the parameters that `draw` does not draw: filled with zeros and with ones first, they end up different.

    Raises:
        Exception: whatever a layer's own `reset_parameters` raises.
    """
    ends = []
    for fill in (0, 1):
        filled = copy.deepcopy(model)
        with torch.no_grad():
            for value in filled.parameters():
                value.fill_(fill)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            draw(filled)
        ends.append(dict(filled.named_parameters()))
    return [name for name, value in ends[0].items() if not torch.equal(value, ends[1][name])]
