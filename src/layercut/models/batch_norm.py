"""Values per channel that one image gives to batch normalisations: a single value has no statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def noted_norms(model: nn.Module) -> Iterator[list[int]]:
    """Give a list to which each batch normalisation that runs meanwhile adds an image's values a channel.

    Example:
        >>> import torch
        >>> norm = nn.BatchNorm2d(3).eval()
        >>> with noted_norms(norm) as noted:
        ...     answer = norm(torch.zeros(1, 3, 4, 4))
        >>> noted
        [16]
    """
    noted: list[int] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        noted.append(inputs[0][0, 0].numel())

    hooks = [layer.register_forward_pre_hook(note) for layer in model.modules() if isinstance(layer, _BatchNorm)]
    try:
        yield noted
    finally:
        for hook in hooks:
            hook.remove()
