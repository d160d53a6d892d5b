"""The sources of a study: each entry with each seed is a training, each checkpoint of it a source in the design."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from layercut.plan.canonical import checkpoint_key
from layercut.plan.jobs import ModelRef, SourceJob, SourcePoint
from layercut.plan.overrides import source_training
from layercut.plan.resolve import ResolvedTask, Resolver
from layercut.plan.source_job import source_job, trained_job
from layercut.spec import CheckpointSource, PretrainingSpec, RandomSource, SourceSpec, StudySpec, WeightsSource
from layercut.spec.points import LAST, moment


def source_jobs(
    spec: StudySpec, index: int, label: str, model: ModelRef, target: ResolvedTask, resolver: Resolver
) -> Iterator[SourceJob]:
    """Yield the jobs of one entry of `source`, a seed each.

    Raises:
        SpecError: its images do not have the target's shape, or its training is impossible.
        UserError: a dataset or weight file does not fit.
    """
    source = spec.source[index]
    pretraining = source_training(spec, index)
    seeds = _seeds(source, pretraining)
    for seed in seeds:
        job = source_job(spec, index, model, target, resolver, pretraining, seed)
        name = label if seeds == [0] else f"{label} seed {seed}"
        points = pretraining.checkpoints if job.kind == "train" else [LAST]
        yield dataclasses.replace(job, label=name, entry=label, points=tuple(_points(job.key, name, points)))


def reference_job(
    spec: StudySpec, target_index: int, model: ModelRef, target: ResolvedTask, resolver: Resolver
) -> SourceJob:
    """Return the job of a whole model trained on a target as sources are trained: what probes of pairs compare with.

    Raises:
        UserError: the dataset does not fit.
    """
    pretraining = spec.pretraining.model_copy(update={"checkpoints": [LAST]})
    task = spec.target[target_index]
    job = trained_job(spec, task, f"target[{target_index}]", model, target, resolver, pretraining, 0, target.scaling)
    return dataclasses.replace(job, entry=job.label, points=tuple(_points(job.key, job.label, [LAST])))


def source_at(job: SourceJob, point: SourcePoint) -> SourceJob:
    """Return a source's job under the key and label of one of its checkpoints."""
    return dataclasses.replace(job, key=point.key, label=point.label)


def join(one: SourceJob, other: SourceJob) -> SourceJob:
    """Return one job with the checkpoints of both: two entries may ask for different ones of the same training."""
    points = {point.point: point for point in (*one.points, *other.points)}
    names = sorted(points, key=moment)
    config = dataclasses.replace(one.training, checkpoints=tuple(names))
    return dataclasses.replace(one, training=config, points=tuple(points[name] for name in names))


def _points(key: str, label: str, points: Sequence[str]) -> Iterator[SourcePoint]:
    for point in points:
        yield SourcePoint(point, checkpoint_key(key, point), label if point == LAST else f"{label} @ {point}")


def _seeds(source: SourceSpec, pretraining: PretrainingSpec) -> list[int]:
    if isinstance(source, CheckpointSource | WeightsSource):
        return [0]
    if isinstance(source, RandomSource) and source.seeds is None:
        return pretraining.seeds
    return source.seeds or pretraining.seeds
