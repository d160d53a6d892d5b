"""One source of a study file as a job: trained on a task, read from a file, or drawn at random."""

from __future__ import annotations

from typing import Any

from layercut.data.base import DatasetInfo
from layercut.data.classes import resolve_classes
from layercut.data.reading import known_info
from layercut.data.split_sizes import Validation, training_sizes
from layercut.data.statistics import ChannelStatistics
from layercut.errors import DataError, SpecError, UnknownNameError
from layercut.models import MODELS
from layercut.models.families import SwitchedFamily
from layercut.plan.canonical import source_key, task_identity
from layercut.plan.cost import sample_images, training_flops, training_length
from layercut.plan.jobs import ModelRef, SourceJob
from layercut.plan.made_for import weights_scaling
from layercut.plan.matching import keys_to_match, matched_source
from layercut.plan.resolve import ResolvedTask, Resolver, resolve_model, task_ref, training_config
from layercut.plan.scaling import from_images
from layercut.plan.single_image import normalizes, why_not_one_by_one, without_single
from layercut.plan.validation import source_sizes
from layercut.spec import CheckpointSource, PretrainingSpec, RandomSource, StudySpec, TaskSpec, WeightsSource
from layercut.spec.points import batches_of
from layercut.spec.shape import ShapeOptions
from layercut.training.config import TrainingConfig


def source_job(
    spec: StudySpec,
    index: int,
    model: ModelRef,
    target: ResolvedTask,
    resolver: Resolver,
    pretraining: PretrainingSpec,
    seed: int,
) -> SourceJob:
    """Return the job that makes the checkpoints of one source.

    Raises:
        SpecError: its images do not have the target's shape, or a checkpoint is beyond its first epoch.
        UserError: a dataset or weight file does not fit.
    """
    source = spec.source[index]
    place = f"source[{index}]"
    scaling = source_scaling(spec, index, model.name, target, resolver)
    config = training_config(spec, pretraining, resolver.precision, scaling)
    seeded = {"replicate": seed} if seed else {}
    if isinstance(source, CheckpointSource | WeightsSource):
        if isinstance(source, CheckpointSource):
            _check_switches(spec, f"{place}.checkpoint", model)
        weights = resolver.weights(source, place, model.name)
        key = source_key("import", weights.sha256, model, None, 0, 0)
        return SourceJob(key, "import", source.label, model, config, spec.seed, 1, 0, weights=weights.path)
    if isinstance(source, RandomSource):
        key = source_key("random", seeded or None, model, config, spec.seed, 1)
        return SourceJob(key, "random", source.label, model, config, spec.seed, 1, 0, seed=seed)
    return trained_job(spec, source, place, model, target, resolver, pretraining, seed, scaling)


def _check_switches(spec: StudySpec, place: str, model: ModelRef) -> None:
    """Check that the user has said what a weight file cannot.

    Raises:
        SpecError: they have not.
    """
    family = MODELS[model.name]
    unsaid = family.unsaid(family.options.model_validate(model.options)) if isinstance(family, SwitchedFamily) else None
    if unsaid is not None:
        raise spec.error(place, unsaid)


def source_task(spec: StudySpec, index: int, target: ResolvedTask, resolver: Resolver) -> ResolvedTask | None:
    """Return what a source was trained on, its data read; None if unknown.

    Raises:
        UserError: the dataset cannot be used.
    """
    source = spec.source[index]
    task = source.task if isinstance(source, CheckpointSource) else source
    if not isinstance(task, TaskSpec):
        return None
    return resolver.task(matched_source(spec, task, target.info.image_shape), f"source[{index}]")


def check_named_tasks(spec: StudySpec) -> None:
    """Check the datasets that are named beside weight files, without reading them.

    Raises:
        SpecError: no such dataset, an impossible option, or a class that it is known not to have.
    """
    for index, source in enumerate(spec.source):
        task = source.task if isinstance(source, CheckpointSource) else None
        if task is None:
            continue
        try:
            info = known_info(task.dataset, task.options)
            if info is not None:
                resolve_classes(task.classes, info.class_names)
        except (DataError, SpecError, UnknownNameError) as error:
            raise spec.error(f"source[{index}]", str(error)) from error


def trained_job(
    spec: StudySpec,
    source: TaskSpec,
    place: str,
    model: ModelRef,
    target: ResolvedTask,
    resolver: Resolver,
    pretraining: PretrainingSpec,
    seed: int,
    scaling: ChannelStatistics | None,
) -> SourceJob:
    """Return the job that trains a model as sources are trained.

    Raises:
        SpecError: its images do not have the target's shape, or a checkpoint is beyond its first epoch.
        UserError: a dataset does not fit.
    """
    config = training_config(spec, pretraining, resolver.precision, scaling)
    seeded = {"replicate": seed} if seed else {}
    resolved = resolver.task(matched_source(spec, source, target.info.image_shape), place)
    if resolved.info.image_shape != target.info.image_shape:
        raise spec.error(
            place,
            f"expected images of the target's shape {target.info.image_shape} (channels, height, width); "
            f"{source.label} has {resolved.info.image_shape}: "
            f"{keys_to_match(resolved.info.image_shape, target.info.image_shape)}",
        )
    config = _whole_batches(spec, model, config, pretraining, resolved.info)
    num_threads = pretraining.threads or resolver.num_threads
    task = task_ref(resolved)
    identity = {"task": task_identity(task), "val_split": pretraining.val_split, **seeded}
    key = source_key("train", identity, model, config, spec.seed, num_threads)
    model_index = next(i for i, candidate in enumerate(spec.model) if candidate.label == model.label)
    _, cost = resolve_model(spec, model_index, resolved.info)
    images = sample_images(
        resolved.info.train_counts,
        1.0,
        "given" if resolved.info.num_validation else "full",
        pretraining.val_split,
        0,
        sum(resolved.info.test_counts),
        resolved.info.num_validation,
    )
    _check_checkpoints(spec, f"{place} {source.label}", config, pretraining, resolved.info)
    flops = training_flops(cost.whole_flops + cost.head_flops[-1], images, training_length(config, images.train))
    return SourceJob(
        key,
        "train",
        source.label,
        model,
        config,
        spec.seed,
        num_threads,
        flops,
        task,
        pretraining.val_split,
        seed=seed,
    )


def _whole_batches(
    spec: StudySpec, model: ModelRef, config: TrainingConfig, pretraining: PretrainingSpec, info: DatasetInfo
) -> TrainingConfig:
    """Return a config without batches of which batch normalisation has no statistics.

    Raises:
        SpecError: all batches are single images of one value a channel.
    """
    every = range(model.num_blocks)
    problem = why_not_one_by_one(config, model, every)
    if problem is not None:
        raise spec.error("pretraining.batch_size", problem)
    if not normalizes(model, every):
        return config
    validation: Validation = "given" if info.num_validation else "full"
    sizes = training_sizes(info.train_counts, 1.0, validation, pretraining.val_split, 0, info.groups)
    return without_single(config, sizes)


def _check_checkpoints(
    spec: StudySpec, source: str, config: TrainingConfig, pretraining: PretrainingSpec, info: DatasetInfo
) -> None:
    asked = batches_of(pretraining.checkpoints)
    if asked and info.groups and not info.num_validation:
        raise spec.error(
            "pretraining.checkpoints",
            f"expected epochs, not batches, for {source}: which of its groups validate says how many batches its first "
            f"epoch has; got batch {asked[0]}",
        )
    num_train, _ = source_sizes(info, pretraining.val_split)
    num_batches = len(config.batch_sizes(num_train))
    beyond = [number for number in asked if number > num_batches]
    if beyond:
        raise spec.error(
            "pretraining.checkpoints",
            f"expected batches of the first epoch, which has {num_batches} for {source}; got batch {beyond[0]}",
        )


def source_scaling(
    spec: StudySpec, index: int, model: str, target: ResolvedTask, resolver: Resolver
) -> ChannelStatistics | None:
    """Return what a source scales pixels by, where the images of a task or what its weights were made for give it.

    Raises:
        UserError: they cannot be read.
    """
    source = spec.source[index]
    if not from_images(spec):
        return weights_scaling(spec, index, model, target.info.image_shape[0])
    if spec.normalization == "target" and not isinstance(source, TaskSpec):
        return target.own_scaling()
    task = source_task(spec, index, target, resolver)
    if task is None:
        raise ValueError("expected a source whose images are known; `check_sources` refuses others")
    return task.own_scaling()


def scaled_target(spec: StudySpec, index: int, model: str, target: ResolvedTask, resolver: Resolver) -> ResolvedTask:
    """Return a target with what trials on it scale pixels by, for one source and model.

    Raises:
        UserError: as `source_scaling`.
    """
    if spec.normalization == "target":
        return target._replace(scaling=target.own_scaling())
    return target._replace(scaling=source_scaling(spec, index, model, target, resolver))


def overlap_warnings(spec: StudySpec, source_index: int, target_index: int) -> list[str]:
    """Warn where source and target share classes of one dataset: transfer is then easier than it looks."""
    given, target = spec.source[source_index], spec.target[target_index]
    source = given.task if isinstance(given, CheckpointSource) else given
    if not isinstance(source, TaskSpec) or source.dataset != target.dataset:
        return []
    if _images_of(source) != _images_of(target):
        return []
    if source.classes is None or target.classes is None:
        shared = "classes"
    else:
        both = [str(name) for name in target.classes if name in source.classes]
        shared = f"the classes {', '.join(both)}" if both else ""
    if not shared:
        return []
    return [f"source and target {target.label} share {shared} of {target.dataset}: the target is not new to the source"]


def _images_of(task: TaskSpec) -> dict[str, Any]:
    """Return the options that say which images these are, whatever their shape and however they are grouped."""
    return {key: value for key, value in task.options.items() if key not in (*ShapeOptions.model_fields, "groups")}
