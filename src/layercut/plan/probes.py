"""The probe jobs of a study: one per sample of images, with all probes that look at it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from layercut.data.split_sizes import check_fractions, sample_counts
from layercut.errors import DataError, UnknownNameError
from layercut.keys import content_key
from layercut.plan.canonical import model_identity, task_identity
from layercut.plan.cost import ModelCost
from layercut.plan.jobs import FeatureSet, ModelRef, ProbeJob, Probing, SourceJob, TaskRef
from layercut.plan.probe_layers import Layers, model_layers
from layercut.plan.resolve import ResolvedTask, task_ref, training_config
from layercut.plan.stacking import trunk_chunk
from layercut.probes import PROBES
from layercut.probes.base import Probe, holds_out
from layercut.spec import ProbeSpec, StudySpec, TransferSpec
from layercut.spec.load import describe_errors
from layercut.training.precision import Precision

_OWN_KEYS = tuple(ProbeSpec.model_fields)


class Ask(NamedTuple):
    """A probe of the study file, checked."""

    place: str
    """Key path in the study file."""
    spec: ProbeSpec
    probe: Probe
    options: Mapping[str, Any]


class ProbeGroup(NamedTuple):
    """One source, target and model, with what is known of their data."""

    spec: StudySpec
    source: SourceJob
    source_task: ResolvedTask | None
    """None where it is not known what the source was trained on."""
    target: ResolvedTask
    task: TaskRef
    model: ModelRef
    cost: ModelCost
    precision: Precision
    reference: SourceJob | None
    feature_set: FeatureSet | None


def asked_probes(spec: StudySpec) -> list[Ask]:
    """Return the study's probes.

    Raises:
        SpecError: unknown probe, impossible option, or the same probe twice; names key path and nearest legal name.
    """
    asks = []
    labels: set[str] = set()
    for index, probe_spec in enumerate(spec.probes):
        place = f"probes[{index}]"
        try:
            probe = PROBES[probe_spec.name]
        except UnknownNameError as error:
            raise spec.error(place, str(error)) from error
        try:
            options = probe.options.model_validate(probe_spec.options)
        except ValidationError as error:
            raise spec.error(place, describe_errors(error, probe.options, also_legal=_OWN_KEYS)) from error
        if probe_spec.label in labels:
            raise spec.error(
                place, f"expected each probe once, or with different options; got {probe_spec.label} twice"
            )
        labels.add(probe_spec.label)
        asks.append(Ask(place, probe_spec, probe, options.model_dump(mode="json")))
    return asks


def describe_probes(asks: list[Ask]) -> dict[str, Any]:
    """Return what results need to know of each probe, by label: its name, kind, and the direction of each score."""
    return {
        ask.spec.label: {"name": ask.spec.name, "kind": ask.probe.kind, "directions": dict(ask.probe.directions)}
        for ask in asks
    }


def probe_jobs(group: ProbeGroup, asks: list[Ask]) -> Iterator[ProbeJob]:
    """Yield the jobs of one group; jobs of equal keys do the same.

    Raises:
        SpecError: a probe wants images of a source whose data are not known, or a fraction that leaves a class none.
    """
    samples: dict[tuple[Any, ...], list[Ask]] = {}
    for ask in asks:
        if ask.probe.kind == "weights":
            samples.setdefault(("none", "none", 1.0, 0, 0), []).append(ask)
            continue
        for dataset in _datasets(group, ask):
            for fraction in _fractions(group, ask, dataset):
                for replicate in range(_num_replicates(group.spec.transfer, ask.spec, fraction)):
                    key = (dataset, ask.spec.split, fraction, replicate, ask.spec.most_images)
                    samples.setdefault(key, []).append(ask)
    layers = model_layers(group.model)
    if group.source.kind == "random":
        layers = layers._replace(behind=[])
    for sample, members in samples.items():
        probings = [_probing(group, ask, sample, layers) for ask in members]
        job = _job(group, sample, tuple(probing for probing in probings if probing.layers))
        if job.probings:
            yield job


def _datasets(group: ProbeGroup, ask: Ask) -> list[str]:
    asked: list[str] = ["target", "source"] if ask.spec.images == "both" else [ask.spec.images]
    if ask.probe.kind == "pair" and "source" in asked:
        raise group.spec.error(
            f"{ask.place}.images", f"{ask.spec.name} compares with a model trained on the target: use `target`"
        )
    if "source" in asked and group.source_task is None:
        if ask.spec.images == "source":
            raise group.spec.error(
                f"{ask.place}.images",
                f"it is not known what the source {group.source.label} was trained on: give its `dataset`, or look at "
                "the target",
            )
        asked.remove("source")
    return asked


def _fractions(group: ProbeGroup, ask: Ask, dataset: str) -> list[float]:
    transfer = group.spec.transfer
    info = (group.target if dataset == "target" or group.source_task is None else group.source_task).info
    counts = info.test_counts if ask.spec.split == "test" else info.train_counts
    for fraction in ask.spec.asked_fractions(transfer.fractions):
        try:
            check_fractions(counts, info.class_names, [fraction], transfer.validation, transfer.val_split)
        except DataError as error:
            raise group.spec.error(f"{ask.place}.fractions", f"{dataset} {info.label}: {error}") from error
    return ask.spec.asked_fractions(transfer.fractions)


def _num_replicates(transfer: TransferSpec, spec: ProbeSpec, fraction: float) -> int:
    if spec.replicates is not None:
        return spec.replicates
    if isinstance(transfer.replicates, int):
        return transfer.replicates
    return transfer.num_replicates(min(fraction, max(transfer.replicates.up_to)))


def _inside(group: ProbeGroup, ask: Ask, layers: Layers) -> list[str]:
    """Return the taps from the pixels to the last block where a probe looks.

    Raises:
        SpecError: it is to look before activations, and the model has no such places or the probe sees no features.
    """
    if ask.spec.at == "blocks":
        return layers.inside
    if ask.probe.kind in ("output", "weights"):
        raise group.spec.error(
            f"{ask.place}.at", f"expected a probe of features; {ask.spec.name} looks at {ask.probe.kind}"
        )
    if len(layers.before_activation) == 1:
        raise group.spec.error(
            f"{ask.place}.at",
            f"it is not known where in a block of {group.model.label} the activation is: use `blocks`, or one of "
            "layercut's models such as plain_cnn",
        )
    return layers.before_activation


def _probing(group: ProbeGroup, ask: Ask, sample: tuple[Any, ...], taps: Layers) -> Probing:
    dataset, split, fraction, _, most_images = sample
    kind = ask.probe.kind
    inside, behind = _inside(group, ask, taps), taps.behind
    layers = {
        "features": [*inside, *behind],
        "labels": [*inside, *behind],
        "pair": [*inside[1:], *behind],  # of the pixels every model makes the same
        "output": behind[-1:],
        "weights": inside[1:],
    }[kind]
    transfer = group.spec.transfer
    config = training_config(group.spec, transfer.training, group.precision, group.target.scaling)
    about = group.source_task if dataset == "source" and group.source_task else group.target
    identity: dict[str, Any] = {
        "probe": [ask.spec.name, ask.options],
        "source": group.source.key,
        "model": model_identity(group.model),
        "seed": group.spec.seed,
    }
    if ask.spec.at != "blocks":
        identity["at"] = ask.spec.at
    if kind != "weights":
        images = group.task if about is group.target else task_ref(about)
        identity |= {
            "task": task_identity(images),
            "sample": [split, fraction, most_images, transfer.validation, transfer.val_split],
            "input": [config.mean, config.std, config.precision],
            "chunk": _chunk(group),
        }
    if kind == "pair" and group.reference is not None:
        identity["reference"] = group.reference.key
    if holds_out(ask.probe) and split != "test" and about.info.groups:
        identity["held out"] = "groups"
    return Probing(content_key("probing", identity), ask.spec.name, ask.spec.label, kind, ask.options, tuple(layers))


def _chunk(group: ProbeGroup) -> int:
    return group.feature_set.chunk if group.feature_set is not None else trunk_chunk(group.model, stacked=False)


def _job(group: ProbeGroup, sample: tuple[Any, ...], probings: tuple[Probing, ...]) -> ProbeJob:
    dataset, split, fraction, replicate, most_images = sample
    transfer = group.spec.transfer
    about = group.source_task if dataset == "source" else group.target
    task = None
    num_images = 0
    if dataset != "none" and about is not None:
        task = group.task if dataset == "target" else task_ref(about)
        num_images = min(most_images, sum(sample_counts(about.info.train_counts, fraction)))
    compares = any(probing.kind == "pair" for probing in probings)
    return ProbeJob(
        key=content_key("probe job", [sample, [probing.key for probing in probings]]),
        source=group.source.key,
        source_label=group.source.label,
        model=group.model,
        has_head=group.source.kind != "random",
        task=task,
        target=group.task.label if dataset == "target" else "",
        dataset=dataset,
        split=split,
        fraction=fraction,
        replicate=replicate,
        most_images=most_images,
        validation=transfer.validation,
        val_split=transfer.val_split,
        training=training_config(group.spec, transfer.training, group.precision, group.target.scaling),
        study_seed=group.spec.seed,
        chunk=_chunk(group),
        reference=group.reference.key if compares and group.reference is not None else None,
        feature_set=group.feature_set if dataset == "target" else None,
        probings=probings,
        flops=group.cost.whole_flops * num_images * (2 if compares else 1) * len(probings),
    )


def needs_reference(asks: list[Ask]) -> bool:
    """Return whether some probe compares with a model trained on the target."""
    return any(ask.probe.kind == "pair" for ask in asks)


def looks_at_sources(asks: list[Ask]) -> bool:
    """Return whether some probe looks at images that a source was trained on."""
    return any(ask.probe.kind != "weights" and ask.spec.images != "target" for ask in asks)


def distinct(jobs: Iterable[ProbeJob]) -> tuple[ProbeJob, ...]:
    """Return jobs without those that do the same: what is about a source alone is asked for under each target."""
    known: set[tuple[str, int]] = set()
    found = []
    for job in jobs:
        if any((probing.key, job.replicate) not in known for probing in job.probings):
            found.append(job)
        known |= set(itertools.product((probing.key for probing in job.probings), [job.replicate]))
    return tuple(found)
