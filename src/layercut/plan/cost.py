"""Floating-point operations and bytes, estimated from shapes before anything runs.

A backward pass counts twice its forward pass; a frozen trunk has none. Every epoch is counted, although
early stopping will skip some: estimates are upper bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from layercut.data.split_sizes import Validation, split_sizes
from layercut.strategies.treatment import Treatment
from layercut.training.config import TrainingConfig


class ModelCost(NamedTuple):
    """Forward operations for one image, and bytes of its features, at each cut 0..B."""

    trunk_flops: tuple[int, ...]
    """Of the blocks below the cut."""
    whole_flops: int
    """Of all blocks."""
    head_flops: tuple[int, ...]
    """Of a new head on the cut's features."""
    feature_shapes: tuple[tuple[int, ...], ...]


class Images(NamedTuple):
    """How many images one training sees."""

    train: int
    validation: int
    test: int


def model_cost(block_flops: list[int], head_flops: list[int], feature_shapes: list[tuple[int, ...]]) -> ModelCost:
    """Sum the blocks' operations up to each cut."""
    trunk = [0]
    for flops in block_flops:
        trunk.append(trunk[-1] + flops)
    return ModelCost(tuple(trunk), trunk[-1], tuple(head_flops), tuple(feature_shapes))


def forward_flops(cost: ModelCost, num_blocks: int) -> int:
    """Return the operations for one image of the first blocks and a head on them."""
    return cost.trunk_flops[num_blocks] + cost.head_flops[num_blocks]


class Length(NamedTuple):
    """How long a training is."""

    epochs: int
    evaluations: int


def training_length(config: TrainingConfig, num_train: int) -> Length:
    """Return the length of a training on so many images that no early stop ends."""
    steps_an_epoch = max(1, len(config.batch_sizes(num_train)))
    rounds = config.rounds(max(1, num_train))
    return Length(-(-rounds.num_steps(steps_an_epoch) // steps_an_epoch), rounds.number)


def num_evaluated(images: Images, length: Length) -> int:
    """Return how many images a training evaluates, each time counted: validation, and everything once at the end."""
    return images.validation * length.evaluations + sum(images)


def training_flops(forward: int, images: Images, length: Length) -> int:
    """Return the operations of a training and of what it evaluates."""
    return 3 * forward * images.train * length.epochs + forward * num_evaluated(images, length)


class Phase(NamedTuple):
    """A part of a training in which the same blocks are trained."""

    epochs: int
    trained: tuple[int, ...]


def trial_flops(
    cost: ModelCost,
    treatment: Treatment,
    images: Images,
    length: Length,
    own_trunk: int = 0,
    phases: Sequence[Phase] = (),
) -> int:
    """Return the operations of one trial; a frozen trunk's features are counted with their feature set.

    `own_trunk`: operations of the trunk that are the trial's own (`own_trunk_flops`).
    `phases`: of a training in which not all blocks are trained from the beginning.

    A frozen block above a trained one has a gradient of its features, none of its parameters; below every trained one
    it has none.
    """
    trunk, last = treatment.trunk, treatment.num_left
    whole = training_flops(cost.trunk_flops[last] - cost.trunk_flops[trunk] + cost.head_flops[last], images, length)
    spared = sum(
        phase.epochs * _without_gradient(cost, treatment, phase.trained)
        for phase in phases or [Phase(length.epochs, treatment.trained)]
    )
    return whole - spared * images.train + own_trunk


def own_trunk_flops(cost: ModelCost, treatment: Treatment, config: TrainingConfig, images: Images, epochs: int) -> int:
    """Return the operations of the features that a trial cannot share.

    Those of augmented images are others in every epoch. A trunk whose norms are adapted has all its features for
    itself, once, besides the pass in which they are.
    """
    seen = images.train * epochs if config.augmentation else 0
    if config.adapt_norms:
        seen += images.train + sum(images)
    return cost.trunk_flops[treatment.trunk] * seen


def _without_gradient(cost: ModelCost, treatment: Treatment, trained: Sequence[int]) -> int:
    """Return the operations, for one image, of the backward passes that frozen blocks above the trunk do not have."""
    lowest = min(trained, default=treatment.num_left)
    return sum(
        (cost.trunk_flops[block + 1] - cost.trunk_flops[block]) * (1 if block > lowest else 2)
        for block in range(treatment.trunk, treatment.num_left)
        if block not in trained
    )


def feature_passes(config: TrainingConfig) -> int:
    """Return the maximum number of passes that a replicate makes over stored features.

    Augmented training images never come from there; validation images do, about a tenth of all, and everything does
    in the last evaluation.
    """
    return 1 + config.epochs // 10 if config.augmentation else config.epochs


def sample_images(
    counts: tuple[int, ...],
    fraction: float,
    validation: Validation,
    val_split: float,
    num_folds: int,
    num_test: int,
    num_given: int = 0,
) -> Images:
    """Return how many images of each kind a trial sees in an epoch.

    Models of `num_folds` folds see all but one fold each, and the one trained on everything the rest of as many:
    together the sample once a fold.
    """
    num_train, num_validation = split_sizes(counts, fraction, validation, val_split, num_given)
    return Images(num_train * (num_folds if validation == "folds" else 1), num_validation, num_test)


def feature_bytes(shape: tuple[int, ...], num_images: int) -> int:
    """Return the size of float32 features of one shape."""
    return 4 * num_images * prod(shape)
