"""One trial: cut, treat both sides, train on a fraction of the target, evaluate once on the test images."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import classification_report
from torch import Tensor, nn

from layercut.checkpoints import tensors_hash
from layercut.data.splits import Split, sample_split
from layercut.data.subset import Task
from layercut.models import MODELS
from layercut.models.base import CuttableModel, seeded_build, seeded_head
from layercut.plan.canonical import trial_key
from layercut.plan.jobs import Condition, TransferJob
from layercut.records import FailureRecord, TrialRecord
from layercut.seeding import derive_seed
from layercut.stages.context import Context
from layercut.stages.guard import attempt
from layercut.stages.inputs import FrozenTrunk, SplitName, freeze_trunk, pixel_inputs, trunk_inputs
from layercut.stages.source import schedule_of
from layercut.strategies import STRATEGIES
from layercut.strategies.base import Ingredients
from layercut.training.batches import Examples, Inputs, chunk_size
from layercut.training.course import DivergedError
from layercut.training.device import place_model, prepare_device
from layercut.training.evaluate import Evaluation, evaluate
from layercut.training.loop import train


class Seeds(NamedTuple):
    """What a replicate fixes; equal for every condition, which pairs them."""

    init: int
    head: int
    order: int
    layers: int
    """For layers that draw at random while training."""


class Parts(NamedTuple):
    """A prepared model: what stays as it is and what is trained."""

    trunk: FrozenTrunk | None
    body: nn.Module


def run_transfer(job: TransferJob, context: Context) -> Iterator[TrialRecord | FailureRecord]:
    """Yield one record a replicate."""
    for replicate in job.replicates:
        key = trial_key(job.condition.key, replicate)

        def trial(replicate: int = replicate, key: str = key) -> TrialRecord:
            return run_trial(job.condition, replicate, key, context)

        yield attempt(trial, context, key, "transfer", job.condition.key, replicate)


def run_trial(condition: Condition, replicate: int, key: str, context: Context) -> TrialRecord:
    """Train and evaluate one replicate of a condition.

    Raises:
        DivergedError: the loss became infinite or NaN.
        DataError: the fraction leaves a class without an image.
    """
    started = time.perf_counter()
    device = context.torch_device
    prepare_device(device, num_threads=1)
    task = context.open_task(condition.task)
    seeds = Seeds(*(derive_seed(condition.study_seed, purpose, replicate) for purpose in Seeds._fields))
    split = sample_split(
        task.train_labels,
        condition.task.num_classes,
        condition.fraction,
        replicate,
        condition.study_seed,
        validation=condition.validation,
        val_split=condition.val_split,
        class_names=condition.task.class_names,
    )
    source, checkpoint_hash = context.open_source(condition.source) if condition.source else ({}, None)
    model = place_model(prepare_model(condition, source, seeds), device)
    parts = separate(condition, model)
    hash_before = tensors_hash(parts.trunk.frozen.blocks.state_dict()) if parts.trunk else None
    training, validation, test = _examples(condition, context, task, split, parts)

    with torch.random.fork_rng():
        torch.manual_seed(seeds.layers)
        result = train(parts.body, training, validation, schedule_of(condition.fitting), seeds.order)
    best = result.curve[result.best_epoch - 1]
    on_test = evaluate(parts.body, test, condition.fitting.precision)
    if not math.isfinite(on_test.loss):
        raise DivergedError(len(result.curve), result.curve)
    return TrialRecord(
        key=key,
        condition=condition.key,
        replicate=replicate,
        train_accuracy=evaluate(parts.body, training, condition.fitting.precision).accuracy,
        validation_accuracy=best.validation_accuracy,
        test_accuracy=on_test.accuracy,
        test_loss=on_test.loss,
        best_epoch=result.best_epoch,
        num_epochs=len(result.curve),
        curve=result.curve,
        num_train_images=len(training),
        num_validation_images=len(split.validation),
        num_test_images=len(test),
        num_duplicates_dropped=task.num_duplicates_dropped,
        num_trained_parameters=_num_parameters(parts.body),
        num_parameters=_num_parameters(model),
        frozen_unchanged=_unchanged(parts, hash_before),
        seeds=seeds._asdict(),
        split_hash=split.hash(),
        checkpoint_hash=checkpoint_hash,
        classification_report=_report(task, test, on_test) if condition.fitting.classification_report else None,
        precision=condition.fitting.precision,
        device=context.device,
        num_threads=1,
        environment=context.environment,
        wall_seconds=time.perf_counter() - started,
    )


def prepare_model(condition: Condition, source: Mapping[str, Tensor], seeds: Seeds) -> CuttableModel:
    """Return the whole model of one trial, before training: what is kept and what is new."""
    ref = condition.model
    family = MODELS[ref.name]
    options = family.options.model_validate(ref.options)
    num_classes = condition.task.num_classes
    fresh = seeded_build(family, options, ref.image_shape, num_classes, seeds.init)

    def new_head(cut: int) -> nn.Module:
        return seeded_head(family, options, ref.feature_shapes[cut], num_classes, seeds.head)

    fresh.head = new_head(ref.num_blocks)
    ingredients = Ingredients(fresh, source, new_head, condition.keep_hidden)
    return STRATEGIES[condition.strategy].prepare(ingredients, condition.cut)


def separate(condition: Condition, model: CuttableModel) -> Parts:
    """Split a model into its frozen trunk, which never trains, and the rest."""
    if condition.bank is None:
        return Parts(None, model)
    above = dict(list(model.blocks.named_children())[condition.cut :])
    return Parts(freeze_trunk(model.trunk(condition.cut), condition.bank), CuttableModel(above, model.head))


def _examples(
    condition: Condition, context: Context, task: Task, split: Split, parts: Parts
) -> tuple[Examples, Examples | None, Examples]:
    chunk = chunk_size(condition.model.largest_features(condition.cut if parts.trunk else 0))

    def examples(name: SplitName, positions: NDArray[np.int64], labels: NDArray[np.int64]) -> Examples:
        if parts.trunk is None:
            inputs: Inputs = pixel_inputs(context, task, condition.fitting, name, positions)
        else:
            inputs = trunk_inputs(context, task, name, positions, parts.trunk)
        return Examples(inputs, torch.as_tensor(labels[positions], device=context.torch_device), chunk)

    training = examples("train", split.train, task.train_labels)
    validation = examples("train", split.validation, task.train_labels) if len(split.validation) else None
    test = examples("test", np.arange(len(task.test_labels)), task.test_labels)
    return training, validation, test


def _unchanged(parts: Parts, hash_before: str | None) -> bool | None:
    if parts.trunk is None:
        return None
    return tensors_hash(parts.trunk.frozen.blocks.state_dict()) == hash_before


def _num_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _report(task: Task, test: Examples, result: Evaluation) -> dict[str, dict[str, float]]:
    report = classification_report(
        test.labels.cpu().numpy(),
        result.predictions.cpu().numpy(),
        labels=range(len(task.class_names)),
        target_names=list(task.class_names),
        output_dict=True,
        zero_division=0.0,
    )
    return {name: values for name, values in report.items() if isinstance(values, dict)}
