"""Resolve the names in a study file: tasks, models, sources."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from layercut.data.base import DatasetInfo
from layercut.data.statistics import ChannelStatistics
from layercut.errors import SpecError, UnknownNameError
from layercut.metrics import ACCURACY, Metric
from layercut.models import MODELS
from layercut.models.examine import examine_model
from layercut.models.measured import plan_model
from layercut.models.own_code import locate
from layercut.plan.cost import ModelCost, model_cost
from layercut.plan.jobs import ModelRef, TaskRef
from layercut.plan.scaling import numbers, unknown_statistics
from layercut.spec import (
    CheckpointSource,
    PretrainingSpec,
    StudySpec,
    TaskSpec,
    TrainingSpec,
    WeightsSource,
)
from layercut.spec.load import describe_errors
from layercut.spec.training import AugmentationName, OwnAugmentation
from layercut.training.augment import Step
from layercut.training.class_weights import ClassWeights
from layercut.training.config import TrainingConfig
from layercut.training.own_transform import OwnTransform, try_own
from layercut.training.precision import Precision


class ResolvedTask(NamedTuple):
    """A task of the study file with what is known of its data."""

    info: DatasetInfo
    fingerprint: str
    """Of the dataset's images and labels."""
    classes: tuple[int, ...]
    """Indices of its classes in the dataset."""
    statistics: ChannelStatistics | None = None
    """Of its training images; None where they were not asked for, or are not known before its data are read."""
    scaling: ChannelStatistics | None = None
    """What trials on it scale pixels by; None: the numbers of the study file."""
    notes: tuple[str, ...] = ()
    """How its data are understood, where a user might think otherwise."""

    def own_scaling(self) -> ChannelStatistics:
        """Return the statistics of its training images, or what stands for them."""
        return self.statistics or unknown_statistics(self.fingerprint, self.classes)


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


def resolve_model(spec: StudySpec, index: int, info: DatasetInfo) -> tuple[ModelRef, ModelCost]:
    """Return a model of the study for one task's images, and what it costs.

    Raises:
        SpecError: unknown model, impossible option, or a model that results with would be wrong.
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
        notes = examine_model(model.name, options, info.image_shape, info.num_classes)
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
        tuple(planned.block_norms),
        planned.head_norm,
        notes,
        planned.traced,
        tuple(planned.stages.items()),
        tuple(planned.block_unrepeatable),
        tuple(planned.head_unrepeatable),
    )
    return ref, model_cost(planned.block_flops, planned.head_flops, planned.feature_shapes)


def task_ref(resolved: ResolvedTask) -> TaskRef:
    """Return the task as jobs carry it."""
    info = resolved.info
    return TaskRef(info.label, resolved.fingerprint, resolved.classes, info.class_names, info.image_shape)


def training_config(
    spec: StudySpec,
    training: TrainingSpec,
    precision: Precision,
    scaling: ChannelStatistics | None = None,
    class_weights: ClassWeights = None,
    metric: Metric = ACCURACY,
) -> TrainingConfig:
    """Resolve what a study says of a training; of several learning rates the lowest.

    `scaling`: what pixels are scaled by; None: the numbers of the study file. A field that the study file and the
    configuration both have is copied under its name.
    """
    resolved = {"lr", "augmentation", "class_weights"}
    copied = {field.name for field in dataclasses.fields(TrainingConfig)} & set(type(training).model_fields) - resolved
    mean, std = (value for _, value in numbers(spec)) if scaling is None else scaling
    return TrainingConfig(
        **{name: _frozen(getattr(training, name)) for name in copied},
        lr=training.rates[0],
        augmentation=tuple(_step(spec, training, step) for step in training.augmentation),
        class_weights=class_weights,
        metric=metric,
        mean=tuple(mean) if isinstance(mean, Sequence) else (mean,),
        std=tuple(std) if isinstance(std, Sequence) else (std,),
        precision=precision,
    )


def _step(spec: StudySpec, training: TrainingSpec, step: AugmentationName | OwnAugmentation) -> Step:
    """Return an augmentation as jobs carry it: the user's own by its code.

    Raises:
        SpecError: there is no such module.
    """
    if not isinstance(step, OwnAugmentation):
        return step
    try:
        code = locate(step.function, Path(step.folder) if step.folder else None, "augmentation")
    except SpecError as error:
        part = "pretraining" if isinstance(training, PretrainingSpec) else "transfer.training"
        raise spec.error(f"{part}.augmentation", str(error)) from error
    return OwnTransform(step.function, code.sha256, str(code.folder) if code.folder else None)


def try_transforms(spec: StudySpec, uses: Iterable[tuple[TrainingConfig, tuple[int, int, int]]]) -> None:
    """Try the user's own augmentations on images of the shapes that they will be given.

    Raises:
        SpecError: one fails, changes type or shape, or draws what no seed decides.
    """
    for own, shape in dict.fromkeys((step, shape) for config, shape in uses for step in config.augmentation):
        if isinstance(own, OwnTransform):
            try:
                try_own(own, shape)
            except SpecError as error:
                raise spec.error("transfer.training.augmentation", str(error)) from error


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
