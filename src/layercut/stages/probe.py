"""One sample of images and every probe that looks at it: a score a probe and layer."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from layercut.data.balanced import balanced_sample
from layercut.data.splits import Split, sample_split
from layercut.data.subset import Task
from layercut.errors import ProbeUndefinedError
from layercut.features.taps import PIXELS
from layercut.plan.canonical import probe_key
from layercut.plan.jobs import ProbeJob, Probing
from layercut.probes import PROBES
from layercut.probes.base import Activations
from layercut.records import FailureRecord, ProbeRecord
from layercut.seeding import derive_seed
from layercut.stages.context import Context
from layercut.stages.guard import attempt
from layercut.stages.tap_features import source_features
from layercut.stages.whole_model import WholeModel, whole_model
from layercut.training.device import place_model, prepare_device


def run_probe(job: ProbeJob, context: Context) -> Iterator[ProbeRecord | FailureRecord]:
    """Yield one record a probe and layer; a score without a value is a failure that is final."""
    prepare_device(context.torch_device, num_threads=1)
    with threadpool_limits(1):  # sums of several threads differ in their last bits
        yield from _Sample(job, context).records()


def probe_sample(job: ProbeJob, task: Task) -> NDArray[np.int64]:
    """Return the positions of a job's images in the task's training or test images, ascending.

    Raises:
        ProbeUndefinedError: the trials' samples have no validation images.
        DataError: the fraction leaves a class without an image.
    """
    labels = task.test_labels if job.split == "test" else task.train_labels
    seed = derive_seed(job.study_seed, "test sample") if job.split == "test" else job.study_seed
    split = sample_split(
        labels,
        task.num_classes,
        job.fraction,
        job.replicate,
        seed,
        validation="within" if job.split == "test" else job.validation,
        val_split=1e-9 if job.split == "test" else job.val_split,
        class_names=task.class_names,
    )
    positions = split.validation if job.split == "validation" else split.train
    if len(positions) == 0:
        raise ProbeUndefinedError(
            f"no class can spare a validation image at fraction {job.fraction:g}: look at the training images"
        )
    chosen = balanced_sample(labels[positions], task.num_classes, job.most_images, job.replicate, job.study_seed)
    return positions[chosen]


class _Sample:
    """The work of one job; what cannot be had fails every score that needs it."""

    def __init__(self, job: ProbeJob, context: Context) -> None:
        self._job = job
        self._context = context
        self._at = {layer: cut for cut, layer in enumerate([PIXELS, *job.model.block_names])}

    def records(self) -> Iterator[ProbeRecord | FailureRecord]:
        """Yield one record a probe and layer."""
        wanted = {layer for probing in self._job.probings for layer in probing.layers}
        if self._job.task is None:
            for layer in self._job.model.block_names:
                yield from self._scores(layer, None, None) if layer in wanted else ()
            return
        failed = attempt(self._prepare, self._context, self._job.key, "probe")
        if failed is not None:
            yield from self._all_failed(wanted, failed)
            return
        names = [name for name in self._names() if name in wanted]
        compared = {n for p in self._job.probings if p.kind == "pair" for n in p.layers}
        reference = iter(self._features(self._reference, [n for n in names if n in compared]))
        for layer, features in self._features(self._source, names):
            other = next(reference, (layer, None))[1] if layer in compared else None
            yield from self._scores(layer, features, other)
        yield from self._without_head(wanted - set(names))

    def _names(self) -> list[str]:
        """Return the layers that mean something, in the model's order."""
        taps = self._source.model.taps
        known = self._source.has_head
        return [PIXELS, *(n for n, module in taps.items() if known or module.startswith("blocks."))]

    def _features(self, whole: WholeModel | None, layers: list[str]) -> Iterator[tuple[str, Tensor]]:
        if whole is None or not layers:
            return iter(())
        split: Literal["train", "test"] = "test" if self._job.split == "test" else "train"
        is_source = whole is self._source
        return source_features(
            self._job, self._context, whole.model, self._task, split, self._positions, layers, stored=is_source
        )

    def _scores(
        self, layer: str, features: Tensor | None, reference: Tensor | None
    ) -> Iterator[ProbeRecord | FailureRecord]:
        for probing in self._job.probings:
            if layer in probing.layers:
                key = probe_key(probing.key, self._job.replicate, layer)

                def score(probing: Probing = probing, key: str = key) -> ProbeRecord:
                    return self._record(probing, key, layer, features, reference)

                yield attempt(score, self._context, key, "probe", probing.key, self._job.replicate)

    def _record(
        self, probing: Probing, key: str, layer: str, features: Tensor | None, reference: Tensor | None
    ) -> ProbeRecord:
        started = time.perf_counter()
        job = self._job
        seed = derive_seed(job.study_seed, "probe", probing.name, layer, job.replicate)
        probe = PROBES[probing.name]
        activations = self._activations(probing, layer, seed, features, reference)
        scores = probe(activations, probe.options.model_validate(probing.options))
        for name, value in scores.items():
            if not math.isfinite(value):
                raise ProbeUndefinedError(f"{probing.label} at {layer}: {name} is {value}")
        return ProbeRecord(
            key=key,
            probe=probing.label,
            source=job.source_label,
            layer=layer,
            fraction=job.fraction,
            replicate=job.replicate,
            dataset=job.dataset,
            split=job.split,
            scores=scores,
            environment=self._context.environment,
            wall_seconds=time.perf_counter() - started,
            probing=probing.key,
            target=job.target,
            model=job.model.label,
            cut=self._at.get(layer),
            num_images=None if job.task is None else len(self._positions),
            split_hash=None if job.task is None else Split(self._positions, self._positions[:0]).hash(),
            seed=seed,
            checkpoint_hash=self._values[1],
            device=self._context.device,
        )

    def _activations(
        self, probing: Probing, layer: str, seed: int, features: Tensor | None, reference: Tensor | None
    ) -> Activations:
        if features is None:
            none = torch.empty(0)
            return Activations(none, none.long(), 0, seed, weights=self._weights(layer))
        for which, tensor in (("the source's", features), ("the reference's", reference)):
            if tensor is not None and not torch.isfinite(tensor).all():
                raise ProbeUndefinedError(f"{which} features at {layer} are not finite numbers")
        logits = features if probing.kind == "output" else None
        return Activations(
            features, self._labels, self._task.num_classes, seed, logits, reference, self._weights(layer)
        )

    def _weights(self, layer: str) -> Mapping[str, Tensor]:
        prefix = f"blocks.{layer}."
        values = self._values[0]
        return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}

    def _without_head(self, layers: set[str]) -> Iterator[FailureRecord]:
        if layers:

            def refuse() -> None:
                raise ProbeUndefinedError("the source's weights hold no head that fits: nothing lies behind its blocks")

            failed = attempt(refuse, self._context, self._job.key, "probe")
            if failed is not None:
                yield from self._all_failed(layers, failed)

    def _all_failed(self, layers: set[str], failed: FailureRecord) -> Iterator[FailureRecord]:
        for probing in self._job.probings:
            for layer in probing.layers:
                if layer in layers:
                    key = probe_key(probing.key, self._job.replicate, layer)
                    yield replace(failed, key=key, condition=probing.key, replicate=self._job.replicate)

    # --- what the job is about, had once --------------------------------------------------------------------

    def _prepare(self) -> None:
        """Load everything that can be missing."""
        _ = self._positions, self._source, self._reference

    @cached_property
    def _task(self) -> Task:
        if self._job.task is None:
            raise ValueError("expected a job that looks at images; got one that looks at weights")
        return self._context.open_task(self._job.task)

    @cached_property
    def _positions(self) -> NDArray[np.int64]:
        return probe_sample(self._job, self._task)

    @cached_property
    def _labels(self) -> Tensor:
        labels = self._task.test_labels if self._job.split == "test" else self._task.train_labels
        return torch.as_tensor(labels[self._positions])

    @cached_property
    def _values(self) -> tuple[dict[str, Tensor], str]:
        return self._context.open_source(self._job.source)

    @cached_property
    def _source(self) -> WholeModel:
        return self._whole(self._values[0], self._job.has_head)

    @cached_property
    def _reference(self) -> WholeModel | None:
        if self._job.reference is None:
            return None
        return self._whole(self._context.open_source(self._job.reference)[0], has_head=True)

    def _whole(self, values: dict[str, Tensor], has_head: bool) -> WholeModel:
        whole = whole_model(self._job.model, values, has_head)
        return whole._replace(model=place_model(whole.model, self._context.torch_device))
