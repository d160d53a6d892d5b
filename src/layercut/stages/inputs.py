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
from layercut.features.store import StoredFeatures
from layercut.plan.jobs import FeatureSet, SampleRule
from layercut.stages.context import RunContext, open_task
from layercut.training.batches import Inputs, Normalization, PixelInputs
from layercut.training.config import TrainingConfig

HELD_BYTES = 2**28
"""Features of a trunk with values of its own are held up to this size, for each set of images."""

SplitName = Literal["train", "test"]


class FrozenTrunk(NamedTuple):
    """A frozen trunk, and where its features may be stored."""

    frozen: FrozenBlocks
    feature_set: FeatureSet
    own: bool = False
    """Its values are a trial's own, not the source's, whose features are stored."""


def freeze_trunk(blocks: nn.Sequential, feature_set: FeatureSet) -> FrozenTrunk:
    """Return the first blocks of a model as a trunk that never changes."""
    blocks = blocks.eval().requires_grad_(False)
    return FrozenTrunk(FrozenBlocks(blocks, feature_set.chunk, feature_set.training.precision), feature_set)


def pixel_inputs(
    context: RunContext,
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
    context: RunContext,
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
    context: RunContext, task: Task, split: SplitName, positions: NDArray[np.int64], trunk: FrozenTrunk
) -> Inputs:
    """Return the features above a frozen trunk.

    The deepest stored cut at or below the trunk's end is used; the blocks between are computed again, with
    the same bits (`features/extract.py`). A trunk with values of its own computes them once where they are small.
    """
    if trunk.own:
        own = ComputedInputs(pixel_inputs(context, task, trunk.feature_set.training, split, positions), trunk.frozen)
        shape = trunk.feature_set.model.feature_shapes[len(trunk.frozen.blocks)]
        return own.held(context.torch_device) if 4 * len(positions) * prod(shape) <= HELD_BYTES else own
    rows = feature_rows(context, trunk.feature_set, split)
    features = open_features(context, trunk.feature_set, split)
    end = len(trunk.frozen.blocks)
    stored = [cut for cut in features.stored_cuts(trunk.feature_set.num_shards) if cut <= end]
    if not stored:
        return ComputedInputs(pixel_inputs(context, task, trunk.feature_set.training, split, positions), trunk.frozen)
    inputs = features.inputs(stored[-1], np.searchsorted(rows, positions), context.torch_device)
    return inputs if stored[-1] == end else ComputedInputs(inputs, trunk.frozen.part(stored[-1], end))


def open_features(context: RunContext, feature_set: FeatureSet, split: SplitName) -> StoredFeatures:
    """Return the files of one split of a feature set."""
    num_rows = len(feature_rows(context, feature_set, split))
    return StoredFeatures(
        context.features(feature_set.key) / split, num_rows, dict(enumerate(feature_set.model.feature_shapes))
    )


def feature_rows(context: RunContext, feature_set: FeatureSet, split: SplitName) -> NDArray[np.int64]:
    """Return the positions that the study's replicates use, ascending: the rows of a feature set."""
    folder = context.datasets[feature_set.task.fingerprint]
    if split == "test":
        return np.arange(len(open_task(folder, feature_set.task.classes).test_index))
    return _used_positions(folder, feature_set.task.classes, feature_set.samples, feature_set.study_seed)


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
