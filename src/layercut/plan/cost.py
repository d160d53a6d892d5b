"""Floating-point operations and bytes, estimated from shapes before anything runs.

A backward pass counts twice its forward pass; a frozen trunk has none. Every epoch is counted, although
early stopping will skip some: estimates are upper bounds.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from layercut.plan.jobs import Fitting


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


def forward_flops(cost: ModelCost, truncated: bool, cut: int) -> int:
    """Return the operations for one image of a model that ends at the cut where it is truncated, else at its end."""
    last = cut if truncated else len(cost.head_flops) - 1
    return cost.trunk_flops[last] + cost.head_flops[last]


def training_flops(forward: int, images: Images, epochs: int) -> int:
    """Return the operations of a training: epochs of training and validation, then one evaluation of everything."""
    each_epoch = 3 * forward * images.train + forward * images.validation
    return epochs * each_epoch + forward * sum(images)


def trial_flops(
    cost: ModelCost, frozen: bool, truncated: bool, cut: int, images: Images, epochs: int, augmented: bool = False
) -> int:
    """Return the operations of one trial; a frozen trunk's features are counted with their bank.

    Those of augmented images are others in every epoch: they are the trial's own.
    """
    last = cut if truncated else len(cost.head_flops) - 1
    above = cost.trunk_flops[last] - (cost.trunk_flops[cut] if frozen else 0)
    own_trunk = cost.trunk_flops[cut] * images.train * epochs if frozen and augmented else 0
    return training_flops(above + cost.head_flops[last], images, epochs) + own_trunk


def feature_passes(fitting: Fitting) -> int:
    """Return how often a replicate passes over stored features at the most.

    Augmented training images never come from there; validation images do, about a tenth of all, and everything does
    in the last evaluation.
    """
    return 1 + fitting.epochs // 10 if fitting.augmentation else fitting.epochs


def sample_images(counts: tuple[int, ...], fraction: float, validation: str, val_split: float, num_test: int) -> Images:
    """Return how many images of each kind a trial has, to the rounding of the splits."""
    whole = sum(counts)
    if validation == "full":
        num_validation = round(whole * val_split)
        return Images(round((whole - num_validation) * fraction), num_validation, num_test)
    sampled = round(whole * fraction)
    return Images(round(sampled * (1 - val_split)), round(sampled * val_split), num_test)


def feature_bytes(shape: tuple[int, ...], num_images: int) -> int:
    """Return the size of float32 features of one shape."""
    return 4 * num_images * prod(shape)
