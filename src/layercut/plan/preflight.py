"""Checks that find mistakes before hours of work are spent, and everything a plan must know of the outside world."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from layercut.data.cache import is_here, load_dataset
from layercut.data.cache_entry import LoadedDataset
from layercut.data.classes import resolve_classes
from layercut.data.near_copies import near_copies_notes
from layercut.data.reading import dataset_files, dataset_notes, known_info
from layercut.data.statistics import training_statistics
from layercut.data.subset import select_task, task_info
from layercut.errors import CheckpointError, DataError, SpecError, UnknownNameError, UserError
from layercut.executors.capacity import num_usable_cores
from layercut.keys import canonical_json
from layercut.models import MODELS
from layercut.models.families import PublishedFamily
from layercut.plan.expand import Plan, expand
from layercut.plan.resolve import ResolvedTask, ResolvedWeights, Resolver
from layercut.plan.scaling import from_images
from layercut.plan.source_models import read_weights
from layercut.spec import CheckpointSource, StudySpec, TaskSpec, WeightsSource
from layercut.spec.extras import require_extras
from layercut.training.precision import Precision


class CheckedPlan(NamedTuple):
    """A plan whose data and weights have been read."""

    plan: Plan
    datasets: dict[str, Path]
    """Dataset fingerprint to its folder in the cache."""


def plan_with_data(
    spec: StudySpec, data_dir: Path, cache_dir: Path, precision: Precision, stacked: bool = False
) -> CheckedPlan:
    """Read all data and weights that a study names, downloading what is absent, and expand it.

    Raises:
        UserError: something is missing, damaged, or does not fit.
    """
    require_extras(spec)
    load = _loader(data_dir, cache_dir, download=True)
    loaded: dict[str, LoadedDataset] = {}

    def resolve(task: TaskSpec) -> ResolvedTask:
        dataset = load(task)
        loaded[dataset.fingerprint] = dataset
        selected = select_task(dataset, task.classes)
        classes = resolve_classes(task.classes, dataset.class_names)
        statistics = training_statistics(selected) if from_images(spec) else None
        notes = _notes(task, dataset, data_dir)
        return ResolvedTask(selected.info(task.label), dataset.fingerprint, classes, statistics, notes=notes)

    plan = expand(spec, _resolver(spec, resolve, _published_weights, precision, stacked))
    plan = _with_weights_checked(spec, plan, published=True)
    return CheckedPlan(plan, {fingerprint: dataset.folder for fingerprint, dataset in loaded.items()})


def plan_without_data(spec: StudySpec, data_dir: Path, cache_dir: Path, precision: Precision) -> Plan:
    """Expand a study from published sizes; downloads nothing, and reads only what must be known and is here.

    Raises:
        UserError: an absent dataset has no published size, a weight file does not fit, or the study asks for something
            impossible.
    """
    require_extras(spec)
    load = _loader(data_dir, cache_dir, download=False)

    def resolve(task: TaskSpec) -> ResolvedTask:
        published = known_info(task.dataset, task.options)
        dataset = published or load(task)
        classes = resolve_classes(task.classes, dataset.class_names)
        content = canonical_json([task.dataset, [[key, str(value)] for key, value in task.options.items()]])
        statistics = None
        if from_images(spec) and is_here(task.dataset, task.options, data_dir):
            statistics = training_statistics(select_task(load(task), task.classes))
        notes = _notes(task, None if published else load(task), data_dir)
        known = task_info(dataset, task.classes, task.label)
        return ResolvedTask(known, f"published {content}", classes, statistics, notes=notes)

    plan = expand(spec, _resolver(spec, resolve, _named_weights, precision, stacked=False))
    return _with_weights_checked(spec, plan, published=False)


def _notes(task: TaskSpec, dataset: LoadedDataset | None, data_dir: Path) -> tuple[str, ...]:
    """Return how a task's data are understood, and which test images are nearly training images, if it was read."""
    notes = dataset_notes(task.dataset, task.options, data_dir)
    files = dataset_files(task.dataset, task.options, data_dir)
    if files is None or dataset is None:
        return notes
    return notes + near_copies_notes(task.label, select_task(dataset, task.classes), *files)


def _with_weights_checked(spec: StudySpec, plan: Plan, published: bool) -> Plan:
    """Read the weight files of all sources, `published` ones too, which a plan does not download; say what was odd."""
    notes: list[str] = []
    places: dict[Path | None, str] = {
        source.checkpoint: f"source[{index}].checkpoint"
        for index, source in enumerate(spec.source)
        if isinstance(source, CheckpointSource)
    }
    for job in plan.sources:
        place = places.get(job.weights)
        if job.weights is None or not (place or published):
            continue
        keep_hidden = any(condition.keep_hidden for condition in plan.conditions if condition.source == job.key)
        try:
            values = read_weights(job.model, job.weights, keep_hidden)
        except CheckpointError as error:
            if place is None:
                raise
            raise _placed(spec, place, error) from error
        notes += [f"{job.weights}: {note}" for note in values.notes]
    return dataclasses.replace(plan, warnings=(*plan.warnings, *dict.fromkeys(notes)))


def _loader(data_dir: Path, cache_dir: Path, download: bool) -> Callable[[TaskSpec], LoadedDataset]:
    """Return what loads a task's dataset: once, though source and target name it."""
    loaded: dict[str, LoadedDataset] = {}

    def load(task: TaskSpec) -> LoadedDataset:
        named = repr([task.dataset, task.options])
        if named not in loaded:
            loaded[named] = load_dataset(task.dataset, task.options, data_dir, cache_dir, download)
        return loaded[named]

    return load


def _resolver(
    spec: StudySpec,
    resolve: Callable[[TaskSpec], ResolvedTask],
    publish: Callable[[PublishedFamily, str], ResolvedWeights],
    precision: Precision,
    stacked: bool,
) -> Resolver:
    cache: dict[str, ResolvedTask] = {}

    def task(task: TaskSpec, place: str) -> ResolvedTask:
        known = task.model_dump_json(exclude={"training", "seeds"})
        if known not in cache:
            try:
                cache[known] = resolve(task)
            except (DataError, SpecError, UnknownNameError) as error:
                raise _placed(spec, place, error) from error
        return cache[known]

    def weights(source: CheckpointSource | WeightsSource, place: str, model: str) -> ResolvedWeights:
        try:
            if isinstance(source, CheckpointSource):
                return _weights_in(source.checkpoint)
            family = MODELS[model]
            if not isinstance(family, PublishedFamily):
                raise CheckpointError(
                    f"no weights of the model {model} are published; expected a model of torchvision or timm"
                )
            return publish(family, source.weights)
        except CheckpointError as error:
            key = "checkpoint" if isinstance(source, CheckpointSource) else "weights"
            raise _placed(spec, f"{place}.{key}", error) from error

    return Resolver(task, weights, num_usable_cores(), precision, stacked)


def _weights_in(path: Path) -> ResolvedWeights:
    if not path.is_file():
        raise CheckpointError(f"no weight file {path}; expected a .safetensors or .pth file")
    with path.open("rb") as file:
        return ResolvedWeights(hashlib.file_digest(file, "sha256").hexdigest(), path)


def _published_weights(family: PublishedFamily, name: str) -> ResolvedWeights:
    return _weights_in(family.fetch_weights(name))


def _named_weights(family: PublishedFamily, name: str) -> ResolvedWeights:
    """Check the name only: a plan downloads nothing."""
    family.check_weights(name)
    return ResolvedWeights(f"published {name}", Path(name))


def _placed(spec: StudySpec, place: str, error: UserError) -> UserError:
    return spec.error(place, str(error))
