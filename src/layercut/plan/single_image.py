"""Batches of a single image: batch normalisation has no statistics for one value, and poor ones for one image."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from layercut.plan.jobs import ModelRef
from layercut.training.config import TrainingConfig


def normalizes(model: ModelRef, trained: Collection[int]) -> bool:
    """Return whether these blocks, or a new head, normalise over the batch in training."""
    return bool(_values(model, trained))


def without_single(config: TrainingConfig, sizes: Collection[int]) -> TrainingConfig:
    """Return a config in which an image that is left over joins the batch before it; unchanged if there is none.

    `sizes`: numbers of images that models are trained on.
    """
    left_over = any(size > config.batch_size and size % config.batch_size == 1 for size in sizes)
    return dataclasses.replace(config, single_joined=True) if left_over else config


def why_not_one_by_one(config: TrainingConfig, model: ModelRef, trained: Collection[int]) -> str | None:
    """Return why these blocks cannot be trained an image at a time; None where they can, or batches are larger."""
    if config.batch_size == 1 and 1 in _values(model, trained):
        return (
            f"expected at least 2 for {model.label}: it normalises over the batch, and a single image gives it one "
            "value per channel, which has no deviation; got 1"
        )
    return None


def _values(model: ModelRef, trained: Collection[int]) -> list[int]:
    """Return an image's values a channel at the batch normalisations of what is trained."""
    found = [*(norm for block, norm in enumerate(model.block_norms) if block in trained), model.head_norm]
    return [num_values for num_values in found if num_values is not None]
