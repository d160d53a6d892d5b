"""Refuse a model that does not fit into memory, before any of it is allocated.

The system grants far more than there is and kills the process once it is written to; what it does not grant ends in a
C++ traceback.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from layercut.errors import SpecError, one_line


@contextmanager
def within_memory(what: str) -> Iterator[None]:
    """Build `what`, or refuse it.

    Raises:
        SpecError: it takes more than this machine's memory, or has a size that no tensor can have.
    """
    try:
        with _Bounded(what):
            yield
    except (RuntimeError, MemoryError, OverflowError, TypeError) as error:
        if not _about_size(error):
            raise
        raise SpecError(f"{what} cannot be built: {one_line(str(error).partition(chr(10))[0], 200)}") from error


class _Bounded(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what new tensors take, before they are made."""

    def __init__(self, what: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._what = what
        self._num_bytes = 0
        self._most_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

    def __torch_dispatch__(
        self, function: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if function in _MAKERS:
            self._num_bytes += prod(args[0]) * (options.get("dtype") or torch.get_default_dtype()).itemsize
            if self._num_bytes > self._most_bytes:
                raise SpecError(
                    f"{self._what} takes {self._num_bytes / 1e9:,.1f} GB or more; this machine has "
                    f"{self._most_bytes / 1e9:,.1f} GB of memory: choose a smaller one"
                )
        return function(*args, **options)


_MAKERS = {
    torch.ops.aten.empty.memory_format,
    torch.ops.aten.zeros.default,
    torch.ops.aten.ones.default,
    torch.ops.aten.full.default,
    torch.ops.aten.rand.default,
    torch.ops.aten.randn.default,
}
"""What makes a tensor of a size that is its first argument."""


def _about_size(error: Exception) -> bool:
    """Return whether torch says that a size is impossible; a defect in user code stays one."""
    return isinstance(error, MemoryError | OverflowError) or any(
        words in str(error)
        for words in ("can't allocate memory", "Storage size calculation overflowed", "Overflow when unpacking")
    )
