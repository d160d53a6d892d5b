"""Features of a frozen trunk in chunks of one fixed size.

A convolution may sum in another order when the batch has another size, so every chunk has exactly
`FEATURE_CHUNK` images (the last one filled up): an image's features then have the same bits whether they
were computed alone, in a store of all images, or again in the middle of a training batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from layercut.training.batches import Inputs

FEATURE_CHUNK = 64
"""Images at a time."""


class ComputedInputs:
    """Features computed when they are asked for: the outputs of `blocks` on other inputs."""

    def __init__(self, inputs: Inputs, blocks: nn.Sequential) -> None:
        self._inputs = inputs
        self._blocks = blocks.eval()

    def __len__(self) -> int:
        return len(self._inputs)

    def gather(self, positions: NDArray[np.int64]) -> Tensor:
        """Return Float32 "batch ..." on the device, without gradient."""
        return frozen_features(self._blocks, self._inputs, positions)


class ResidentInputs:
    """Features in memory; positions count from `start`."""

    def __init__(self, features: Tensor, start: int) -> None:
        self._features = features
        self._start = start

    def __len__(self) -> int:
        return self._start + len(self._features)

    def gather(self, positions: NDArray[np.int64]) -> Tensor:
        """Return Float32 "batch ...", channels last where there are channels."""
        features = self._features[torch.from_numpy(positions - self._start)]
        return channels_last(features) if features.dim() == 4 else features


def frozen_features(blocks: nn.Sequential, inputs: Inputs, positions: NDArray[np.int64]) -> Tensor:
    """Return the outputs of `blocks` for some images: Float32 "batch ..."."""
    chunks = [
        frozen_chunk(blocks, inputs, positions[start : start + FEATURE_CHUNK])
        for start in range(0, len(positions), FEATURE_CHUNK)
    ]
    return chunks[0] if len(chunks) == 1 else _concatenate(chunks)


@torch.no_grad()
def frozen_chunk(blocks: nn.Sequential, inputs: Inputs, positions: NDArray[np.int64]) -> Tensor:
    """Return the outputs of `blocks` for at most `FEATURE_CHUNK` images."""
    filled = np.resize(positions, FEATURE_CHUNK) if len(positions) < FEATURE_CHUNK else positions
    features: Tensor = blocks(inputs.gather(filled))
    return features[: len(positions)]


def _concatenate(chunks: Sequence[Tensor]) -> Tensor:
    whole = torch.cat(list(chunks))
    return channels_last(whole) if whole.dim() == 4 else whole


def channels_last(features: Tensor) -> Tensor:
    """Copy to channels last, with that format's strides also where the shape alone leaves a choice."""
    like = {"dtype": features.dtype, "device": features.device}
    return torch.empty(features.shape, memory_format=torch.channels_last, **like).copy_(features)  # type: ignore[call-overload, no-any-return]
