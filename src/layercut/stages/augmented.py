"""Training images as training sees them: augmented anew in every epoch, the same in every run.

A frozen trunk's features of them are computed as they come: stored ones are of the images as they are, and serve
validation, test and the evaluation of the training images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layercut.data.subset import Task
from layercut.features.extract import ComputedInputs
from layercut.stages.context import RunContext
from layercut.stages.inputs import FrozenTrunk, pixel_inputs
from layercut.training.augment import augment, epoch_draws
from layercut.training.batches import Inputs
from layercut.training.config import TrainingConfig

Augmented: TypeAlias = Callable[[int], Inputs] | None
"""Epoch -> inputs of the training images; None where nothing is done to them."""


def augmented_inputs(
    context: RunContext,
    task: Task,
    config: TrainingConfig,
    positions: NDArray[np.int64],
    trunk: FrozenTrunk | None,
    seeds: Sequence[int],
) -> Augmented:
    """Return the training inputs of each epoch.

    Args:
        positions: each member's training images, Int64 "members n"; the inputs are those of the first member, then
            those of the second, and so on.
        seeds: of each member's augmentation.
    """
    names = config.augmentation
    if not names:
        return None

    def in_epoch(epoch: int) -> Inputs:
        draws = torch.cat([epoch_draws(names, positions.shape[1], seed, epoch) for seed in seeds])
        draws = draws.to(context.torch_device)

        def change(pixels: Tensor, which: Tensor) -> Tensor:
            return augment(pixels, names, draws[which])

        pixels = pixel_inputs(context, task, config, "train", positions.flatten(), change)
        return pixels if trunk is None else ComputedInputs(pixels, trunk.frozen)

    return in_epoch
