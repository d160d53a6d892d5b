"""What a study file names, resolved: tasks, models, sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from layercut.data.subset import TaskInfo
from layercut.errors import SpecError, UnknownNameError
from layercut.models import MODELS
from layercut.models.base import plan_model
from layercut.plan.canonical import source_key, task_identity
from layercut.plan.cost import ModelCost, model_cost, sample_images, training_flops
from layercut.plan.jobs import Fitting, ModelRef, SourceJob, TaskRef
from layercut.spec import CheckpointSource, RandomSource, StudySpec, TaskSpec, TrainingSpec, WeightsSource
from layercut.spec.load import describe_errors
from layercut.training.precision import Precision


class ResolvedTask(NamedTuple):
    """A task of the study file with what is known of its data."""

    info: TaskInfo
    fingerprint: str
    """Of the dataset's images and labels."""
    classes: tuple[int, ...]
    """Indices of its classes in the dataset."""


class ResolvedWeights(NamedTuple):
    """A weight file of the study file with its content hash."""

    sha256: str
    path: Path


class Resolver(NamedTuple):
    """How the plan learns of the world; `layercut plan` and `layercut run` resolve differently."""

    task: Callable[[TaskSpec, str], ResolvedTask]
    """Task and its key path in the study file."""
    weights: Callable[[CheckpointSource | WeightsSource, str, str], ResolvedWeights]
    """Source, its key path in the study file, and the name of the model that it is for."""
    num_threads: int
    """Threads of a pretraining that does not say."""
    precision: Precision
    stacked: bool
    """Train the replicates of a condition as one model where that can be done."""


def resolve_model(spec: StudySpec, index: int, info: TaskInfo) -> tuple[ModelRef, ModelCost]:
    """Return a model of the study for one task's images, and what it costs.

    Raises:
        SpecError: unknown model or impossible option.
    """
    model, key_path = spec.model[index], f"model[{index}]"
    try:
        family = MODELS[model.name]
    except UnknownNameError as error:
        raise spec.error(f"{key_path}.name", str(error)) from error
    try:
        options = family.options.model_validate(model.options)
    except ValidationError as error:
        raise spec.error(key_path, describe_errors(error, family.options, also_legal=["name"])) from error
    try:
        planned = plan_model(family, options, info.image_shape, info.num_classes)
    except SpecError as error:
        raise spec.error(key_path, str(error)) from error
    ref = ModelRef(
        model.label,
        model.name,
        options.model_dump(mode="json"),
        info.image_shape,
        tuple(planned.block_names),
        tuple(planned.feature_shapes),
        tuple(planned.block_parameters),
        tuple(planned.random_blocks),
        planned.random_head,
    )
    return ref, model_cost(planned.block_flops, planned.head_flops, planned.feature_shapes)


def source_job(spec: StudySpec, index: int, model: ModelRef, target: ResolvedTask, resolver: Resolver) -> SourceJob:
    """Return the job that makes the checkpoint of one source.

    Raises:
        SpecError: its images do not have the target's shape.
        UserError: a dataset or weight file does not fit.
    """
    source = spec.source[index]
    place = f"source[{index}]"
    fitting = make_fitting(spec, spec.pretraining, resolver.precision)
    if isinstance(source, CheckpointSource | WeightsSource):
        weights = resolver.weights(source, place, model.name)
        key = source_key("import", weights.sha256, model, None, 0, 0)
        return SourceJob(key, "import", source.label, model, fitting, spec.seed, 1, 0, weights=weights.path)
    if isinstance(source, RandomSource):
        key = source_key("random", None, model, fitting, spec.seed, 1)
        return SourceJob(key, "random", source.label, model, fitting, spec.seed, 1, 0)
    resolved = resolver.task(source, place)
    if resolved.info.image_shape != target.info.image_shape:
        raise spec.error(
            place,
            f"expected images of the target's shape {target.info.image_shape} (channels, height, width); "
            f"{source.label} has {resolved.info.image_shape}",
        )
    num_threads = spec.pretraining.threads or resolver.num_threads
    task = task_ref(resolved)
    identity = {"task": task_identity(task), "val_split": spec.pretraining.val_split}
    key = source_key("train", identity, model, fitting, spec.seed, num_threads)
    model_index = next(i for i, candidate in enumerate(spec.model) if candidate.label == model.label)
    _, cost = resolve_model(spec, model_index, resolved.info)
    images = sample_images(
        resolved.info.train_counts, 1.0, "full", spec.pretraining.val_split, sum(resolved.info.test_counts)
    )
    flops = training_flops(cost.whole_flops + cost.head_flops[-1], images, fitting.epochs)
    return SourceJob(
        key,
        "train",
        source.label,
        model,
        fitting,
        spec.seed,
        num_threads,
        flops,
        task,
        spec.pretraining.val_split,
    )


def overlap_warnings(spec: StudySpec, source_index: int, target_index: int) -> list[str]:
    """Warn where source and target share classes of one dataset: transfer is then easier than it looks."""
    source, target = spec.source[source_index], spec.target[target_index]
    if isinstance(source, RandomSource | WeightsSource) or source.dataset != target.dataset:
        return []
    if isinstance(source, TaskSpec) and source.options != target.options:
        return []
    if source.classes is None or target.classes is None:
        shared = "classes"
    else:
        both = [str(name) for name in target.classes if name in source.classes]
        shared = f"the classes {', '.join(both)}" if both else ""
    if not shared:
        return []
    return [f"source and target {target.label} share {shared} of {target.dataset}: the target is not new to the source"]


def task_ref(resolved: ResolvedTask) -> TaskRef:
    """Return the task as jobs carry it."""
    info = resolved.info
    return TaskRef(info.label, resolved.fingerprint, resolved.classes, info.class_names, info.image_shape)


def make_fitting(spec: StudySpec, training: TrainingSpec, precision: Precision) -> Fitting:
    """Return the training fields as jobs carry them."""
    mean, std = spec.normalization.mean, spec.normalization.std
    return Fitting(
        training.optimizer,
        training.lr,
        training.weight_decay,
        training.epochs,
        training.patience,
        training.batch_size,
        tuple(mean) if isinstance(mean, list) else (mean,),
        tuple(std) if isinstance(std, list) else (std,),
        precision,
        training.classification_report,
    )
