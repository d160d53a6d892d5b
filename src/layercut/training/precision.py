"""Precision as declared: part of a trial's key, never switched silently.

`float32`: everything. `bf16`: blocks compute in bfloat16, in training, evaluation and frozen trunks.
`bf16_eval`: blocks compute in bfloat16 in evaluation only, which on processors with bfloat16 instructions is the
larger part of the work. Heads, losses and optimizers are float32 always.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["float32", "bf16", "bf16_eval"]


def training_precision(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return the context for forward passes of training, and for frozen trunks."""
    return _bfloat16(device) if precision == "bf16" else nullcontext()


def evaluation_precision(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return the context for forward passes of evaluation."""
    return nullcontext() if precision == "float32" else _bfloat16(device)


def _bfloat16(device: torch.device) -> AbstractContextManager[object]:
    return torch.autocast(device.type, dtype=torch.bfloat16)
