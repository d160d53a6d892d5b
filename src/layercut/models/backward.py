"""Operations without a deterministic backward pass on a GPU, where PyTorch refuses them.

Reference:
    PyTorch, `torch.use_deterministic_algorithms`: the operations that raise "when attempting to differentiate a CUDA
    tensor".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

_ATEN = torch.ops.aten
UNREPEATABLE = {
    _ATEN._adaptive_avg_pool2d: "adaptive average pooling",
    _ATEN._adaptive_avg_pool3d: "adaptive average pooling",
    _ATEN.adaptive_max_pool2d: "adaptive max pooling",
    _ATEN.avg_pool3d: "average pooling of volumes",
    _ATEN.fractional_max_pool2d: "fractional max pooling",
    _ATEN.fractional_max_pool3d: "fractional max pooling",
    _ATEN.max_unpool2d: "max unpooling",
    _ATEN.max_unpool3d: "max unpooling",
    _ATEN.reflection_pad1d: "reflection padding",
    _ATEN.reflection_pad2d: "reflection padding",
    _ATEN.reflection_pad3d: "reflection padding",
    _ATEN.upsample_linear1d: "linear interpolation",
    _ATEN.upsample_bilinear2d: "bilinear interpolation",
    _ATEN.upsample_bicubic2d: "bicubic interpolation",
    _ATEN.upsample_trilinear3d: "trilinear interpolation",
}
"""What such an operation is called in words. Pooling to one pixel is a mean, and repeatable."""


class Unrepeatable(NamedTuple):
    """Such operations of one part of a model, in words; empty where there is none."""

    own: str = ""
    """One that gradients of the part's own parameters pass."""
    inputs: str = ""
    """One that gradients of its inputs pass."""


class Noted:
    """What was noted of one part."""

    def __init__(self) -> None:
        self.before: list[str] = []
        """Before any of its parameters was used: no gradient of a parameter passes there."""
        self.behind: list[str] = []

    def answer(self) -> Unrepeatable:
        """Return one of each."""
        return Unrepeatable(next(iter(self.behind), ""), next(iter([*self.before, *self.behind]), ""))


@contextmanager
def noted_unrepeatable(part: nn.Module) -> Iterator[Noted]:
    """Note the operations of a part of a model that runs meanwhile, on whatever device.

    Example:
        >>> part = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Conv2d(1, 1, 1), nn.AdaptiveAvgPool2d(1))
        >>> with noted_unrepeatable(part) as noted:
        ...     answer = part(torch.zeros(1, 1, 4, 4))
        >>> noted.answer()
        Unrepeatable(own='', inputs='adaptive average pooling')
    """
    noted = Noted()
    with _Noter(noted, part):
        yield noted


class _Noter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, noted: Noted, part: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._noted, self._used = noted, False
        self._parameters = {id(parameter) for parameter in part.parameters()}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else PyTorch loads its compiler to keep it away from here

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._used = self._used or not self._parameters.isdisjoint(map(id, args))
        if func._overloadpacket in UNREPEATABLE:
            (self._noted.behind if self._used else self._noted.before).append(UNREPEATABLE[func._overloadpacket])
        return func(*args, **(kwargs or {}))
