"""The device of a training, set up so that the same trial gives the same bits."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from layercut.errors import UserError
from layercut.models.layout import in_memory
from layercut.training.allocation import keep_freed_memory

M = TypeVar("M", bound=nn.Module)


def resolve_device(name: str) -> torch.device:
    """Return the device for `auto`, `cpu` or `cuda`; `auto` is the GPU where there is one.

    Raises:
        UserError: a GPU was asked for and there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: this machine has no usable GPU; use --device cpu, or auto")
    return torch.device(name)


def prepare_device(device: torch.device, num_threads: int, deterministic: bool = True) -> None:
    """Set threads and kernels for the next job of this process: deterministic kernels only, or where available.

    Denormals are flushed: features behind a ReLU are full of them and each costs a hundred ordinary operations.
    Freed memory is kept for the next step.
    TensorFloat-32 is switched off: precision is declared, never taken by default.
    """
    torch.set_num_threads(num_threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=not deterministic)
        if not deterministic:
            warnings.filterwarnings("ignore", message=".* does not have a deterministic implementation")
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread, then restore the number of threads."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)


def place_model(model: M, device: torch.device) -> M:
    """Move a model to the device, convolutions channels last where it can be: the order that kernels want."""
    return in_memory(model.to(device))


def describe_device(device: torch.device) -> str:
    """Return the name of the GPU or processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()


def gpu_memory(device: torch.device) -> int:
    """Return the bytes of a GPU's memory."""
    return torch.cuda.get_device_properties(device).total_memory


def processor_name() -> str:
    """Return the processor's name as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
