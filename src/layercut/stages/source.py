"""Make a source: train it, read it from a file, or draw random values."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from layercut.checkpoints import save_checkpoint
from layercut.data.splits import sample_split
from layercut.models.base import CuttableModel
from layercut.plan.jobs import SourceJob, SourcePoint
from layercut.plan.source_models import build_for, read_weights
from layercut.records import FailureRecord, PretrainingRecord
from layercut.seeding import derive_seed
from layercut.spec.points import LAST, moment
from layercut.stages.augmented import Augmented, augmented_inputs
from layercut.stages.context import RunContext
from layercut.stages.guard import attempt
from layercut.stages.inputs import SplitName, pixel_inputs
from layercut.training.batches import Examples, chunk_size
from layercut.training.device import place_model, prepare_device
from layercut.training.evaluate import evaluate
from layercut.training.history import Training
from layercut.training.loop import train
from layercut.training.precision import Precision


def run_source(job: SourceJob, context: RunContext) -> Iterator[PretrainingRecord | FailureRecord]:
    """Write the source's checkpoints; each checkpoint of a training has a record, the last one's last."""
    result = attempt(lambda: _make(job, context), context, job.key, "source")
    if isinstance(result, FailureRecord):
        yield result
    else:
        yield from result


def _make(job: SourceJob, context: RunContext) -> list[PretrainingRecord]:
    if job.kind == "train":
        return _train(job, context)
    if job.kind == "import":
        if job.weights is None:
            raise ValueError("expected the weight file of a source that is imported; got none")
        save_checkpoint(context.checkpoint(job.key), read_weights(job.model, job.weights))
    else:
        seed = derive_seed(job.study_seed, "random source", *_own(job))
        model = build_for(job.model, num_classes=2, seed=seed)
        save_checkpoint(context.checkpoint(job.key), model.state_dict())
    return []


def _own(job: SourceJob) -> list[int]:
    """Return the part of the seed that sets this source apart from the study's other seeds; none for the first."""
    return [job.seed] if job.seed else []


def _train(job: SourceJob, context: RunContext) -> list[PretrainingRecord]:
    started = time.perf_counter()
    if job.task is None:
        raise ValueError("expected a task to train the source on; got none")
    device = context.torch_device
    prepare_device(device, job.num_threads, context.deterministic)
    purposes = ["init", "order", "layers", "split", *(["augment"] if job.training.augmentation else [])]
    seeds = {purpose: derive_seed(job.study_seed, "source", purpose, *_own(job)) for purpose in purposes}
    on = _examples(job, context, seeds)
    model = place_model(build_for(job.model, job.task.num_classes, seeds["init"]), device)
    with torch.random.fork_rng():
        torch.manual_seed(seeds["layers"])
        result = train(model, on.training, on.validation, job.training, seeds["order"])
    last = PretrainingRecord(
        key=job.key,
        source=job.label,
        model=job.model.label,
        train_accuracy=evaluate(model, on.training, job.training.precision).accuracy,
        validation_accuracy=result.curve[result.best_epoch - 1].validation_accuracy,
        test_accuracy=evaluate(model, on.test, job.training.precision).accuracy,
        best_epoch=result.best_epoch,
        num_epochs=len(result.curve),
        curve=result.curve,
        checkpoint_hash=save_checkpoint(context.checkpoint(job.key), model.state_dict()),
        seeds=seeds,
        precision=job.training.precision,
        device=context.device,
        num_threads=job.num_threads,
        environment=context.environment,
        wall_seconds=time.perf_counter() - started,
    )
    earlier = [point for point in job.points if point.point != LAST]
    return [*(_checkpoint(point, last, result, model, on, context) for point in earlier), last]


def _checkpoint(
    point: SourcePoint, last: PretrainingRecord, result: Training, model: CuttableModel, on: _On, context: RunContext
) -> PretrainingRecord:
    """Write the weights at one point of a training; its record holds their accuracy on the source's own task.

    Raises:
        ValueError: the training did not reach that moment.
    """
    values = (result.snapshots or {}).get(point.point)
    if values is None:
        raise ValueError(f"the training ended before its checkpoint at {point.point}")
    model.load_state_dict(values)
    precision = on.precision
    num_epochs = moment(point.point)[1] if point.point.startswith("epoch") else 0
    return dataclasses.replace(
        last,
        key=point.key,
        source=point.label,
        train_accuracy=evaluate(model, on.training, precision).accuracy,
        validation_accuracy=evaluate(model, on.validation, precision).accuracy if on.validation else None,
        test_accuracy=evaluate(model, on.test, precision).accuracy,
        best_epoch=None,
        num_epochs=num_epochs,
        curve=result.curve[:num_epochs],
        checkpoint_hash=save_checkpoint(context.checkpoint(point.key), values),
        wall_seconds=None,
    )


class _On(NamedTuple):
    """What a source is trained and evaluated on."""

    training: Examples
    validation: Examples | None
    test: Examples
    precision: Precision


def _examples(job: SourceJob, context: RunContext, seeds: Mapping[str, int]) -> _On:
    if job.task is None:
        raise ValueError("expected a task to train the source on; got none")
    task = context.open_task(job.task)
    split = sample_split(
        task.train_labels,
        job.task.num_classes,
        1.0,
        0,
        seeds["split"],
        validation="given" if task.num_validation else "full",
        val_split=job.val_split,
        num_given=task.num_validation,
        groups=task.groups,
    )
    chunk = chunk_size(job.model.largest_features(0))

    def examples(
        name: SplitName, positions: NDArray[np.int64], labels: NDArray[np.int64], augmented: Augmented = None
    ) -> Examples:
        inputs = pixel_inputs(context, task, job.training, name, positions)
        return Examples(inputs, torch.as_tensor(labels[positions], device=context.torch_device), chunk, augmented)

    augmented = augmented_inputs(context, task, job.training, split.train[None], None, [seeds.get("augment", 0)])
    training = examples("train", split.train, task.train_labels, augmented)
    validation = examples("train", split.validation, task.train_labels) if len(split.validation) else None
    test = examples("test", np.arange(len(task.test_labels)), task.test_labels)
    return _On(training, validation, test, job.training.precision)
