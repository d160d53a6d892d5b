"""How pilots are trained and judged: each label once, by a model that has not seen it, at the fewest trainings.

Where a study holds images of its sample out (`within`, `folds`), a pilot is a cross-validation of few folds without the
model of all images: a tenth of 24 labels tells no rate from another. Where it has validation images besides the sample
(`full`, `given`), pilots are judged on those.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from layercut.data.base import DatasetInfo
from layercut.data.split_sizes import Validation, training_sizes
from layercut.plan.cost import Images, num_evaluated, sample_images, training_length
from layercut.plan.jobs import Condition, PilotRule
from layercut.plan.single_image import without_single
from layercut.plan.validation import held_out_images
from layercut.spec.study import TransferSpec
from layercut.training.config import TrainingConfig

MOST_FOLDS = 3
"""Of a pilot: two trainings' worth of images for a prediction of every label; five folds would take four."""

LEAST_JUDGED = 2
"""Fewer images tell nothing."""

Work = Callable[[Images, int, int], int]
"""Operations of a training, by images of an epoch, images of the largest model, and number of folds."""


def pilot_validation(validation: Validation) -> Validation:
    """Return how the pilots of a study are validated."""
    return "folds" if validation == "within" else validation


def num_judged(info: DatasetInfo, fraction: float, transfer: TransferSpec) -> int:
    """Return on how many images one pilot is judged; fewer than `LEAST_JUDGED` are nothing to choose by."""
    return held_out_images(info, fraction, pilot_validation(transfer.validation), transfer.val_split)


def pilot_rule(
    info: DatasetInfo, fraction: float, transfer: TransferSpec, config: TrainingConfig, work: Work, normalized: bool
) -> PilotRule:
    """Return how the pilots of a condition are trained.

    Args:
        info: of the target.
        fraction: of its training images.
        transfer: the study's design.
        config: of the condition, before an image that is left over joins a batch.
        work: of the condition.
        normalized: what is trained normalises over the batch.
    """
    validation, judged = pilot_validation(transfer.validation), num_judged(info, fraction, transfer)
    num_folds = min(MOST_FOLDS, transfer.num_folds, judged) if validation == "folds" else 0
    sizes = training_sizes(info.train_counts, fraction, validation, transfer.val_split, num_folds, info.groups)
    images = sample_images(
        info.train_counts,
        fraction,
        validation,
        transfer.val_split,
        num_folds,
        num_test=0,
        num_given=info.num_validation,
    )
    if num_folds:
        images = images._replace(train=images.train * (num_folds - 1) // num_folds)
    single = normalized and without_single(config, sizes).single_joined
    evaluated = num_evaluated(images, training_length(config, max(sizes)))
    flops = work(images, max(sizes), num_folds)
    return PilotRule(validation, num_folds, judged, single, flops, evaluated)


def rule_of(condition: Condition) -> PilotRule:
    """Return how the pilots of an open condition are trained.

    Raises:
        ValueError: its learning rate is not open.
    """
    if condition.pilots is None:
        raise ValueError("expected a condition whose learning rate is open; got one that has no pilots")
    return condition.pilots


def as_pilot(condition: Condition) -> Condition:
    """Return an open condition as its pilots train it, each replicate by itself; it keeps the key."""
    rule = rule_of(condition)
    return dataclasses.replace(
        condition,
        training=dataclasses.replace(condition.training, single_joined=rule.single_joined),
        validation=rule.validation,
        num_folds=rule.num_folds,
        flops=rule.flops,
        num_evaluated=rule.num_evaluated,
        group=None,
        keep=None,
        tested=False,
    )
