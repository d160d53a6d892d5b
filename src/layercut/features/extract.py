"""Features of a frozen trunk in chunks of one fixed size.

A convolution may sum in another order when the batch has another size, so every chunk of a trunk has the same
number of images (the last one filled up): an image's features then have the same bits whether they were computed
alone, in a store of all images, or again in the middle of a training batch.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from layercut.training.batches import Inputs
from layercut.training.precision import Precision, training_precision


class FrozenBlocks(NamedTuple):
    """Frozen blocks, and how to run them."""

    blocks: nn.Sequential
    """In eval mode."""
    chunk: int
    """Images at a time; the same for every part of one trunk."""
    precision: Precision

    def part(self, start: int, stop: int) -> FrozenBlocks:
        """Return the blocks between two cuts."""
        return self._replace(blocks=self.blocks[start:stop])


class ComputedInputs:
    """Features computed when they are asked for: the outputs of `frozen` on other inputs."""

    def __init__(self, inputs: Inputs, frozen: FrozenBlocks) -> None:
        self._inputs = inputs
        self._frozen = frozen

    def __len__(self) -> int:
        return len(self._inputs)

    def gather(self, positions: Tensor) -> Tensor:
        """Return Float32 "batch ..." on the device, without gradient."""
        return frozen_features(self._frozen, self._inputs, positions)

    def held(self, device: torch.device) -> ResidentInputs:
        """Return all of them, computed once, in device memory: the same bits."""
        return ResidentInputs(self.gather(torch.arange(len(self), device=device)), 0)


class ResidentInputs:
    """Features in memory; positions count from `start`."""

    def __init__(self, features: Tensor, start: int) -> None:
        self._features = features
        self._start = start

    def __len__(self) -> int:
        return self._start + len(self._features)

    def gather(self, positions: Tensor) -> Tensor:
        """Return Float32 "batch ...", channels last where there are channels."""
        features = self._features[positions - self._start]
        return channels_last(features) if features.dim() == 4 else features


def frozen_features(frozen: FrozenBlocks, inputs: Inputs, positions: Tensor) -> Tensor:
    """Return the outputs of frozen blocks for some images: Float32 "batch ..."."""
    starts = range(0, len(positions), frozen.chunk)
    chunks = [_frozen_chunk(frozen, inputs, positions[start : start + frozen.chunk]) for start in starts]
    whole = chunks[0] if len(chunks) == 1 else torch.cat(chunks)
    return channels_last(whole) if whole.dim() == 4 else whole  # as stored ones come: another order, other kernels


@torch.no_grad()
def _frozen_chunk(frozen: FrozenBlocks, inputs: Inputs, positions: Tensor) -> Tensor:
    filled = positions.repeat(-(-frozen.chunk // len(positions)))[: frozen.chunk]
    images = inputs.gather(filled)
    with training_precision(frozen.precision, images.device):
        features: Tensor = frozen.blocks(images)
    return features[: len(positions)].float()


def channels_last(features: Tensor) -> Tensor:
    """Copy to channels last, with that format's strides also where the shape alone leaves a choice."""
    like = {"dtype": features.dtype, "device": features.device}
    return torch.empty(features.shape, memory_format=torch.channels_last, **like).copy_(features)  # type: ignore[call-overload, no-any-return]
