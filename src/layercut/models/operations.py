"""Floating-point operations of a forward pass, counted while it runs.

PyTorch's own `FlopCounterMode` answers the same, which a test checks, but loads the compiler on its first use: more
than a second, at the start of every `layercut run`. What is used of it here are its formulas.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode


def run_counted(module: nn.Module, features: Tensor) -> tuple[Tensor, int]:
    """Return a module's output, and the operations for it: a multiplication and an addition are 2."""
    with torch.no_grad(), _Counter() as counter:
        outputs: Tensor = module(features)
    return outputs, counter.num_flops


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        from torch.utils.flop_counter import flop_registry  # noqa: PLC0415 - 0.1 s, needed by plans only

        self._formulas = flop_registry
        self.num_flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else PyTorch loads its compiler to keep it away from here

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        formula = self._formulas.get(func._overloadpacket)
        if formula is None:  # made of others that have one, or nothing that counts
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        outputs = func(*args, **kwargs)
        if formula is not None:
            self.num_flops += formula(*args, **kwargs, out_val=outputs)
        return outputs
