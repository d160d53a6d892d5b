"""Rows of large arrays: all images of a dataset, all features of a feature set.

On a processor they are read where they lie, mapped into memory. On a GPU the whole array is copied there once and
stays for the trials that follow, as long as it fits: the same values, without a transfer for every batch.
"""

from __future__ import annotations

import mmap
from collections import OrderedDict
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

RESIDENT_FRACTION = 0.25
"""Share of a GPU's memory for arrays that stay: the rest is for training, and for other workers on the same GPU."""

_COPY_BYTES = 2**26


class Rows(Protocol):
    """An array of which one takes rows."""

    def take(self, positions: Tensor) -> Tensor:
        """Return rows on the device; positions: Int64 on the device."""
        ...


class MappedRows:
    """Rows of an array in this machine's memory, copied to the device when they are taken."""

    def __init__(self, values: NDArray[Any], device: torch.device) -> None:
        self._values = values
        self._device = device

    def take(self, positions: Tensor) -> Tensor:
        """Return rows on the device."""
        return torch.from_numpy(self._values[positions.cpu().numpy()]).to(self._device)


class ResidentRows:
    """Rows of a tensor that is on the device already."""

    def __init__(self, values: Tensor) -> None:
        self._values = values

    def take(self, positions: Tensor) -> Tensor:
        """Return rows on the device."""
        return self._values.index_select(0, positions)


class ResidentArrays:
    """Mapped files that are kept on a device: those used last, within a number of bytes."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._kept: OrderedDict[Hashable, Tensor] = OrderedDict()

    def rows(self, values: NDArray[Any], device: torch.device) -> Rows:
        """Return the rows of an array: on the device where it fits and is the whole of a file, mapped otherwise."""
        key = _file_identity(values)
        if key is None or values.nbytes > self._budget_bytes:
            return MappedRows(values, device)
        if key not in self._kept:
            while self.num_bytes + values.nbytes > self._budget_bytes:
                self._kept.popitem(last=False)
            self._kept[key] = _copy(values, device)
        self._kept.move_to_end(key)
        return ResidentRows(self._kept[key])

    @property
    def num_bytes(self) -> int:
        """Return the bytes kept."""
        return sum(values.nbytes for values in self._kept.values())


_resident: dict[torch.device, ResidentArrays] = {}


def open_rows(values: NDArray[Any], device: torch.device) -> Rows:
    """Return an array's rows for a device."""
    if device.type != "cuda":
        return MappedRows(values, device)
    if device not in _resident:
        _, total_bytes = torch.cuda.mem_get_info(device)
        _resident[device] = ResidentArrays(int(RESIDENT_FRACTION * total_bytes))
    return _resident[device].rows(values, device)


def _file_identity(values: NDArray[Any]) -> Hashable | None:
    """Return what tells a mapped file from others; None for what is not the whole mapping of a file."""
    if not isinstance(values, np.memmap) or not isinstance(values.base, mmap.mmap) or values.filename is None:
        return None
    status = Path(values.filename).stat()
    return str(values.filename), status.st_ino, status.st_mtime_ns, values.offset, values.shape, values.dtype.str


def _copy(values: NDArray[Any], device: torch.device) -> Tensor:
    """Copy to the device a piece at a time: the file may be larger than this machine's memory."""
    kept = torch.empty(values.shape, dtype=torch.from_numpy(np.empty(0, values.dtype)).dtype, device=device)
    rows = max(_COPY_BYTES // max(values[:1].nbytes, 1), 1)
    for start in range(0, len(values), rows):
        kept[start : start + rows] = torch.from_numpy(np.array(values[start : start + rows]))
    return kept
