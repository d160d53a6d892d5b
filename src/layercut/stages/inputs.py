"""Where the inputs of a trial's trained part come from: pixels, stored features, or features computed again."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from layercut.data.splits import sample_split
from layercut.data.subset import Task
from layercut.features.extract import ComputedInputs
from layercut.features.store import FeatureBank
from layercut.plan.jobs import Bank, Fitting
from layercut.stages.context import Context
from layercut.training.batches import Inputs, Normalization, PixelInputs

SplitName = Literal["train", "test"]


class FrozenTrunk(NamedTuple):
    """A trunk that stays as it is, and where its features may lie."""

    blocks: nn.Sequential
    bank: Bank


def task_inputs(
    context: Context,
    task: Task,
    fitting: Fitting,
    split: SplitName,
    positions: NDArray[np.int64],
    trunk: FrozenTrunk | None,
) -> Inputs:
    """Return the inputs above a frozen trunk, or of the whole model where nothing is frozen.

    `positions` are positions in the task's training or test images, ascending.
    The deepest stored cut at or below the trunk's end is used; the blocks between are computed again, with
    the same bits (`features/extract.py`).
    """
    device = context.torch_device
    images = task.dataset.train.images if split == "train" else task.dataset.test.images
    index = task.train_index if split == "train" else task.test_index
    pixels = PixelInputs(images, index[positions], Normalization(fitting.mean, fitting.std), device)
    if trunk is None:
        return pixels
    rows = bank_rows(task, trunk.bank, split)
    bank = open_bank(context, trunk.bank, split, len(rows), feature_shapes(trunk))
    stored = [cut for cut in bank.stored_cuts(trunk.bank.num_shards) if cut <= len(trunk.blocks)]
    if not stored:
        return ComputedInputs(pixels, trunk.blocks)
    inputs = bank.inputs(stored[-1], np.searchsorted(rows, positions), device)
    rest = trunk.blocks[stored[-1] :]
    return ComputedInputs(inputs, rest) if len(rest) else inputs


def bank_rows(task: Task, bank: Bank, split: SplitName) -> NDArray[np.int64]:
    """Return the positions that the study's replicates use, ascending: the rows of a bank."""
    if split == "test":
        return np.arange(len(task.test_index))
    used = np.zeros(len(task.train_index), dtype=bool)
    for fraction, num_replicates in bank.samples.counts:
        for replicate in range(num_replicates):
            sampled = sample_split(
                task.train_labels,
                bank.task.num_classes,
                fraction,
                replicate,
                bank.study_seed,
                validation=bank.samples.validation,
                val_split=bank.samples.val_split,
            )
            used[sampled.train] = True
            used[sampled.validation] = True
    return np.flatnonzero(used)


def open_bank(
    context: Context, bank: Bank, split: SplitName, num_rows: int, shapes: dict[int, tuple[int, ...]]
) -> FeatureBank:
    """Return the files of one split of a bank."""
    return FeatureBank(context.features(bank.key) / split, num_rows, shapes)


def feature_shapes(trunk: FrozenTrunk) -> dict[int, tuple[int, ...]]:
    """Return the shape of one image's features at every cut of the trunk."""
    with torch.no_grad():
        features = torch.zeros(1, *trunk.bank.model.image_shape, device=_device_of(trunk.blocks))
        shapes = {0: tuple(features.shape[1:])}
        for cut, block in enumerate(trunk.blocks, start=1):
            features = block(features)
            shapes[cut] = tuple(features.shape[1:])
    return shapes


def _device_of(blocks: nn.Module) -> torch.device:
    return next((parameter.device for parameter in blocks.parameters()), torch.device("cpu"))
