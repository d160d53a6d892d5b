"""Stored features: one folder per feature set, one flat file per cut, mapped into every worker's memory.

A feature set is the images of one task that a study needs, below one checkpoint. Shards of it are computed by
different workers, each writing its rows; a marker file says that a shard is whole. Anything here may be
deleted at any time: features that are absent are computed again.
"""

from __future__ import annotations

import os
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layercut.files import needing_space
from layercut.training.rows import open_rows


class StoredInputs:
    """Rows of one cut's features as a model's inputs."""

    def __init__(self, features: NDArray[np.float32], rows: NDArray[np.int64], device: torch.device) -> None:
        self._features = open_rows(features, device)
        self._index = torch.as_tensor(rows, device=device)

    def __len__(self) -> int:
        return len(self._index)

    def gather(self, positions: Tensor) -> Tensor:
        """Return Float32 "batch ..." on the device, channels last where there are channels."""
        features = self._features.take(self._index[positions])
        return features.permute(0, 3, 1, 2) if features.dim() == 4 else features


class StoredFeatures:
    """Files of one feature set; `shapes` maps a cut to the shape of one image's features."""

    def __init__(self, folder: Path, num_rows: int, shapes: dict[int, tuple[int, ...]]) -> None:
        self._folder = folder
        self._num_rows = num_rows
        self._shapes = shapes

    def stored_cuts(self, num_shards: int) -> list[int]:
        """Return the cuts whose shards are all present."""
        return [
            cut
            for cut in sorted(self._shapes)
            if cut > 0 and all(self.has_shard(cut, shard, num_shards) for shard in range(num_shards))
        ]

    def discard_damaged(self, cut: int) -> None:
        """Forget which shards of a cut are whole where its file is gone or has another size.

        Else the markers of a deleted file would vouch for rows of the next one that are not written yet.
        """
        if not self._has_file(cut):
            for marker in self._folder.glob(f"cut-{cut}.shard-*.done"):
                marker.unlink(missing_ok=True)

    def has_shard(self, cut: int, shard: int, num_shards: int) -> bool:
        """Return whether one shard of one cut is whole."""
        return self._has_file(cut) and self._marker(cut, shard, num_shards).exists()

    def write(self, cut: int, start: int, features: Tensor) -> None:
        """Write the rows from `start` on; features: Float32 "rows ..."."""
        rows = features.detach().cpu()
        values = (rows.permute(0, 2, 3, 1) if rows.dim() == 4 else rows).contiguous().numpy()
        row_bytes = values[:1].nbytes
        with needing_space(f"cannot write features to {self._folder}"):
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._file(cut), os.O_RDWR | os.O_CREAT, 0o644)
            try:
                os.ftruncate(descriptor, self._num_rows * row_bytes)
                _write_all(descriptor, memoryview(values.tobytes()), start * row_bytes)
            finally:
                os.close(descriptor)

    def finish(self, cut: int, shard: int, num_shards: int) -> None:
        """Mark one shard of one cut as complete once its rows are on disk; it may be empty."""
        with needing_space(f"cannot write features to {self._folder}"):
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._file(cut).exists():
                with self._file(cut).open("rb") as file:
                    os.fsync(file.fileno())
            self._marker(cut, shard, num_shards).touch()

    def inputs(self, cut: int, rows: NDArray[np.int64], device: torch.device) -> StoredInputs:
        """Return rows of a stored cut, mapped into memory."""
        shape = self._shapes[cut]
        stored = (*shape[1:], shape[0]) if len(shape) == 3 else shape
        features = np.memmap(self._file(cut), dtype=np.float32, mode="r", shape=(self._num_rows, *stored))
        return StoredInputs(features, rows, device)

    def _has_file(self, cut: int) -> bool:
        num_bytes = 4 * self._num_rows * prod(self._shapes[cut])
        path = self._file(cut)
        return path.stat().st_size == num_bytes if path.exists() else num_bytes == 0

    def _file(self, cut: int) -> Path:
        return self._folder / f"cut-{cut}.float32"

    def _marker(self, cut: int, shard: int, num_shards: int) -> Path:
        return self._folder / f"cut-{cut}.shard-{shard}-of-{num_shards}.done"


def _write_all(descriptor: int, values: memoryview, offset: int) -> None:
    while values:
        written = os.pwrite(descriptor, values, offset)
        values, offset = values[written:], offset + written
