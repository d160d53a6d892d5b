"""Where the inputs of a trial's trained part come from: pixels, stored features, or features computed again."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from layercut.data.splits import sample_split
from layercut.data.subset import Task
from layercut.features.extract import ComputedInputs, FrozenBlocks
from layercut.features.store import FeatureBank
from layercut.plan.jobs import Bank, SampleRule
from layercut.stages.context import Context, open_task
from layercut.training.batches import Inputs, Normalization, PixelInputs
from layercut.training.config import TrainingConfig

HELD_BYTES = 2**28
"""Features of a trunk with values of its own are held up to this size, for each set of images."""

SplitName = Literal["train", "test"]


class FrozenTrunk(NamedTuple):
    """A trunk that stays as it is, and where its features may lie."""

    frozen: FrozenBlocks
    bank: Bank
    own: bool = False
    """Its values are a trial's own, not the source's, whose features are stored."""


def freeze_trunk(blocks: nn.Sequential, bank: Bank) -> FrozenTrunk:
    """Return the first blocks of a model as a trunk that never changes."""
    blocks = blocks.eval().requires_grad_(False)
    return FrozenTrunk(FrozenBlocks(blocks, bank.chunk, bank.training.precision), bank)


def pixel_inputs(
    context: Context,
    task: Task,
    config: TrainingConfig,
    split: SplitName,
    positions: NDArray[np.int64],
    change: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> PixelInputs:
    """Return a task's images as inputs; `positions` are positions in its training or test images.

    `change`: as `PixelInputs` takes it.
    """
    images = task.dataset.train.images if split == "train" else task.dataset.test.images
    index = (task.train_index if split == "train" else task.test_index)[positions]
    normalization = Normalization(config.mean, config.std)
    return PixelInputs(images, index, normalization, context.torch_device, change)


def trial_inputs(
    context: Context,
    task: Task,
    config: TrainingConfig,
    split: SplitName,
    positions: NDArray[np.int64],
    trunk: FrozenTrunk | None,
) -> Inputs:
    """Return the inputs of what a trial trains: pixels, or the features above its frozen trunk."""
    if trunk is None:
        return pixel_inputs(context, task, config, split, positions)
    return trunk_inputs(context, task, split, positions, trunk)


def trunk_inputs(
    context: Context, task: Task, split: SplitName, positions: NDArray[np.int64], trunk: FrozenTrunk
) -> Inputs:
    """Return the features above a frozen trunk.

    The deepest stored cut at or below the trunk's end is used; the blocks between are computed again, with
    the same bits (`features/extract.py`). A trunk with values of its own computes them once where they are small.
    """
    if trunk.own:
        own = ComputedInputs(pixel_inputs(context, task, trunk.bank.training, split, positions), trunk.frozen)
        shape = trunk.bank.model.feature_shapes[len(trunk.frozen.blocks)]
        return own.held(context.torch_device) if 4 * len(positions) * prod(shape) <= HELD_BYTES else own
    rows = bank_rows(context, trunk.bank, split)
    bank = open_bank(context, trunk.bank, split)
    end = len(trunk.frozen.blocks)
    stored = [cut for cut in bank.stored_cuts(trunk.bank.num_shards) if cut <= end]
    if not stored:
        return ComputedInputs(pixel_inputs(context, task, trunk.bank.training, split, positions), trunk.frozen)
    inputs = bank.inputs(stored[-1], np.searchsorted(rows, positions), context.torch_device)
    return inputs if stored[-1] == end else ComputedInputs(inputs, trunk.frozen.part(stored[-1], end))


def open_bank(context: Context, bank: Bank, split: SplitName) -> FeatureBank:
    """Return the files of one split of a bank."""
    num_rows = len(bank_rows(context, bank, split))
    return FeatureBank(context.features(bank.key) / split, num_rows, dict(enumerate(bank.model.feature_shapes)))


def bank_rows(context: Context, bank: Bank, split: SplitName) -> NDArray[np.int64]:
    """Return the positions that the study's replicates use, ascending: the rows of a bank."""
    folder = context.datasets[bank.task.fingerprint]
    if split == "test":
        return np.arange(len(open_task(folder, bank.task.classes).test_index))
    return _used_positions(folder, bank.task.classes, bank.samples, bank.study_seed)


@lru_cache(maxsize=8)
def _used_positions(folder: Path, classes: tuple[int, ...], samples: SampleRule, study_seed: int) -> NDArray[np.int64]:
    task = open_task(folder, classes)
    used = np.zeros(len(task.train_index), dtype=bool)
    for fraction, replicate in samples.replicates:
        sampled = sample_split(
            task.train_labels,
            len(classes),
            fraction,
            replicate,
            study_seed,
            validation=samples.validation,
            val_split=samples.val_split,
            num_given=task.num_validation,
            groups=task.groups,
        )
        used[sampled.train] = True
        used[sampled.validation] = True
    return np.flatnonzero(used)
