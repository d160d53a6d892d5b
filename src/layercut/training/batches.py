"""From pixels on disk to normalised inputs on the device: the source of every batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layercut.training.rows import open_rows


class Inputs(Protocol):
    """Inputs of a model for a fixed set of images; `gather` takes positions in that set, in any order."""

    def __len__(self) -> int: ...

    def gather(self, positions: Tensor) -> Tensor:
        """Return Float "batch ..." on the device, channels last where there are channels.

        positions: Int64 "batch" on the device.
        """
        ...


CHUNK_BYTES = 2**22
"""Activations of one chunk: about what stays in a core's cache. Larger chunks spend their time on memory."""


def chunk_size(num_features: int) -> int:
    """Return how many images to evaluate at a time: a power of two from 16 to 1024.

    Args:
        num_features: numbers in the largest activation of one image. Nothing else counts, so that no result depends
            on the machine or on who evaluates.
    """
    fitting = max(CHUNK_BYTES // (4 * num_features), 16)
    return int(min(2 ** (fitting.bit_length() - 1), 1024))


class Examples(NamedTuple):
    """Inputs with their labels; labels: Int64 "n" on the device."""

    inputs: Inputs
    labels: Tensor
    chunk: int = 64
    """Images at a time in evaluation."""
    augmented: Callable[[int], Inputs] | None = None
    """Epoch -> the inputs that training sees in it, where images are augmented. Evaluation never sees them."""

    def __len__(self) -> int:
        return len(self.inputs)

    def training_inputs(self, epoch: int) -> Inputs:
        """Return the inputs that training sees in an epoch, from 1."""
        return self.inputs if self.augmented is None else self.augmented(epoch)

    def chunks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield inputs and labels in order, a chunk at a time."""
        for start in range(0, len(self), self.chunk):
            stop = min(start + self.chunk, len(self))
            positions = torch.arange(start, stop, device=self.labels.device)
            yield self.inputs.gather(positions), self.labels[start:stop]


STACKED_CHUNK_BYTES = 2**30
"""Activations of one chunk of all members: enough to keep a GPU busy, little of its memory."""


def stacked_chunk_size(num_features: int, num_members: int, num_bytes: int = STACKED_CHUNK_BYTES) -> int:
    """Return how many images of each member to evaluate at a time: a power of two from 16 to 1024."""
    fitting = max(num_bytes // (4 * num_features * num_members), 16)
    return int(min(2 ** (fitting.bit_length() - 1), 1024))


class StackedExamples(NamedTuple):
    """Each member's own examples, all of one number."""

    inputs: Inputs
    """Of all images that any member uses."""
    rows: Tensor
    """Which of them are a member's own: Int64 "members n" on the device."""
    labels: Tensor
    """Int64 "members n" on the device."""
    shared: bool
    """All members have the same examples: their inputs are gathered once."""
    chunk: int = 64
    """Images of each member at a time in evaluation."""
    augmented: Callable[[int], Inputs] | None = None
    """Epoch -> the inputs that training sees in it, where images are augmented: those of the first member, then those
    of the second, and so on. Evaluation never sees them."""

    def __len__(self) -> int:
        return self.rows.shape[1]

    def augmented_inputs(self, epoch: int) -> Inputs | None:
        """Return the inputs that training sees in an epoch, from 1; None where they are those of evaluation."""
        return None if self.augmented is None else self.augmented(epoch)

    def gather(self, positions: Tensor, augmented: Inputs | None = None) -> tuple[Tensor, Tensor]:
        """Return each member's batch; positions: Int64 "members batch" among its own examples.

        Returns: inputs Float "members batch ..." and labels Int64 "members batch".
        """
        labels = self.labels.gather(1, positions)
        if augmented is None:
            return self._inputs(self.rows.gather(1, positions)), labels
        firsts = len(self) * torch.arange(len(positions), device=positions.device)
        inputs = augmented.gather((positions + firsts[:, None]).flatten())
        return inputs.view(*positions.shape, *inputs.shape[1:]), labels

    def chunks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield inputs, Float "members chunk ..." or where shared "chunk ...", and labels, in order."""
        for start in range(0, len(self), self.chunk):
            rows = self.rows[:, start : start + self.chunk]
            inputs = self.inputs.gather(rows[0]) if self.shared else self._inputs(rows)
            yield inputs, self.labels[:, start : start + self.chunk]

    def _inputs(self, rows: Tensor) -> Tensor:
        inputs = self.inputs.gather(rows.flatten())
        return inputs.view(*rows.shape, *inputs.shape[1:])


class Normalization(NamedTuple):
    """Shift and scale of each channel, for pixels in 0..1."""

    mean: Sequence[float]
    std: Sequence[float]


class PixelInputs:
    """Images as a model's inputs: uint8 until the batch is made.

    images: UInt8 "all c h w" (may be memory-mapped); index: which of them, Int64 "n".
    change: what is done to pixels first, UInt8 "batch c h w", given which images they are, Int64 "batch" in 0..n-1.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        index: NDArray[np.int64],
        normalization: Normalization,
        device: torch.device,
        change: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        self._change = change
        self._rows = open_rows(images, device)
        self._index = torch.as_tensor(index, device=device)
        self._scale, self._shift = (values.to(device) for values in pixel_scale(normalization, images.shape[1]))

    def __len__(self) -> int:
        return len(self._index)

    def gather(self, positions: Tensor) -> Tensor:
        """Return Float32 "batch c h w" on the device, channels last."""
        pixels = self._rows.take(self._index[positions])
        if self._change is not None:
            pixels = self._change(pixels, positions)
        inputs = pixels.to(torch.float32, memory_format=torch.channels_last)
        return inputs.mul_(self._scale).add_(self._shift)


def pixel_scale(normalization: Normalization, channels: int) -> tuple[Tensor, Tensor]:
    """Return scale and shift for pixels in 0..255: Float "1 channels 1 1" each."""
    mean, std = (_per_channel(values, channels) for values in normalization)
    return 1 / (255 * std), -mean / std


def _per_channel(values: Sequence[float], channels: int) -> Tensor:
    spread = list(values) * channels if len(values) == 1 else list(values)
    return torch.tensor(spread, dtype=torch.float32).view(1, -1, 1, 1)
