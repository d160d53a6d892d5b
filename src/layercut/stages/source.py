"""Making a source: train it, read it from a file, or draw random values."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layercut.checkpoints import load_foreign_weights, save_checkpoint
from layercut.data.splits import sample_split
from layercut.errors import CheckpointError
from layercut.models import MODELS
from layercut.models.base import AdaptingFamily, CuttableModel, seeded_build
from layercut.plan.jobs import Fitting, ModelRef, SourceJob
from layercut.records import FailureRecord, PretrainingRecord
from layercut.seeding import derive_seed
from layercut.stages.context import Context
from layercut.stages.guard import attempt
from layercut.stages.inputs import SplitName, pixel_inputs
from layercut.training.batches import Examples, chunk_size
from layercut.training.device import place_model, prepare_device
from layercut.training.evaluate import evaluate
from layercut.training.loop import Schedule, train


def run_source(job: SourceJob, context: Context) -> Iterator[PretrainingRecord | FailureRecord]:
    """Write the source's checkpoint; a source that was trained has a record."""
    result = attempt(lambda: _make(job, context), context, job.key, "source")
    if result is not None:
        yield result


def read_weights(job: SourceJob, keep_hidden: bool = False) -> dict[str, Tensor]:
    """Read a source's weight file under our names; `keep_hidden`: the head's hidden layers will be asked for.

    Raises:
        CheckpointError: a value that is kept is missing or has another shape.
    """
    if job.weights is None:
        raise ValueError(f"expected a source job with a weight file; got kind {job.kind!r}")
    family = MODELS[job.model.name]
    options = family.options.model_validate(job.model.options)
    values = load_foreign_weights(job.weights)
    names = family.import_names(options, list(values))
    if isinstance(family, AdaptingFamily):
        values = family.adapt(options, job.model.image_shape, values)
    elif names is not None:
        values = {names[name]: value for name, value in values.items()}
    model = seeded_build(family, options, job.model.image_shape, num_classes=2, seed=0)
    _check_fit(job, model, values, ("blocks.", "head.") if keep_hidden else ("blocks.",))
    return values


def schedule_of(fitting: Fitting) -> Schedule:
    """Return the schedule that the loop takes."""
    return Schedule(
        fitting.optimizer,
        fitting.lr,
        fitting.weight_decay,
        fitting.epochs,
        fitting.patience,
        fitting.batch_size,
        fitting.precision,
    )


def build_for(model: ModelRef, num_classes: int, seed: int) -> CuttableModel:
    """Build a model from its reference, its initial values from `seed` alone."""
    family = MODELS[model.name]
    return seeded_build(family, family.options.model_validate(model.options), model.image_shape, num_classes, seed)


def _make(job: SourceJob, context: Context) -> PretrainingRecord | None:
    if job.kind == "train":
        return _train(job, context)
    if job.kind == "import":
        save_checkpoint(context.checkpoint(job.key), read_weights(job))
    else:
        model = build_for(job.model, num_classes=2, seed=derive_seed(job.study_seed, "random source"))
        save_checkpoint(context.checkpoint(job.key), model.state_dict())
    return None


def _train(job: SourceJob, context: Context) -> PretrainingRecord:
    started = time.perf_counter()
    if job.task is None:
        raise ValueError("expected a task to train the source on; got none")
    device = context.torch_device
    prepare_device(device, job.num_threads)
    task = context.open_task(job.task)
    seeds = {
        purpose: derive_seed(job.study_seed, "source", purpose) for purpose in ("init", "order", "layers", "split")
    }
    split = sample_split(
        task.train_labels,
        job.task.num_classes,
        1.0,
        0,
        seeds["split"],
        validation="full",
        val_split=job.val_split,
    )
    chunk = chunk_size(job.model.largest_features(0))

    def examples(name: SplitName, positions: NDArray[np.int64], labels: NDArray[np.int64]) -> Examples:
        inputs = pixel_inputs(context, task, job.fitting, name, positions)
        return Examples(inputs, torch.as_tensor(labels[positions], device=device), chunk)

    training = examples("train", split.train, task.train_labels)
    validation = examples("train", split.validation, task.train_labels)
    test = examples("test", np.arange(len(task.test_labels)), task.test_labels)
    model = place_model(build_for(job.model, job.task.num_classes, seeds["init"]), device)
    with torch.random.fork_rng():
        torch.manual_seed(seeds["layers"])
        result = train(
            model, training, validation if len(validation) else None, schedule_of(job.fitting), seeds["order"]
        )
    best = result.curve[result.best_epoch - 1]
    return PretrainingRecord(
        key=job.key,
        source=job.label,
        model=job.model.label,
        train_accuracy=evaluate(model, training, job.fitting.precision).accuracy,
        validation_accuracy=best.validation_accuracy,
        test_accuracy=evaluate(model, test, job.fitting.precision).accuracy,
        best_epoch=result.best_epoch,
        num_epochs=len(result.curve),
        curve=result.curve,
        checkpoint_hash=save_checkpoint(context.checkpoint(job.key), model.state_dict()),
        seeds=seeds,
        precision=job.fitting.precision,
        device=context.device,
        num_threads=job.num_threads,
        environment=context.environment,
        wall_seconds=time.perf_counter() - started,
    )


def _check_fit(job: SourceJob, model: CuttableModel, values: Mapping[str, Tensor], kept: tuple[str, ...]) -> None:
    """Whatever is kept must find its values; the classifier is new on every target."""
    wrong = []
    for name, wanted in model.state_dict().items():
        if not name.startswith(kept) or name.startswith("head.out."):
            continue
        got = tuple(values[name].shape) if name in values else "nothing"
        if got != tuple(wanted.shape):
            wrong.append(f"{name}: expected {tuple(wanted.shape)}, got {got}")
    if wrong:
        more = f" and {len(wrong) - 4} more" if len(wrong) > 4 else ""
        raise CheckpointError(
            f"the weights in {job.weights} do not fit the model {job.model.label} on images of "
            f"{job.model.image_shape}: {'; '.join(wrong[:4])}{more}; the file has {', '.join(sorted(values)[:6])}, ..."
        )
