"""Run every probe of one sample of images: one score per probe and layer."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from layercut.data.splits import Split
from layercut.errors import ProbeUndefinedError
from layercut.features.taps import BEFORE_ACTIVATION, PIXELS
from layercut.plan.canonical import probe_key
from layercut.plan.jobs import ProbeJob, Probing
from layercut.probes import PROBES
from layercut.probes.base import Activations
from layercut.records import FailureRecord, ProbeRecord
from layercut.seeding import derive_seed
from layercut.stages.context import RunContext
from layercut.stages.guard import attempt, attempt_each
from layercut.stages.probed import Probed
from layercut.training.device import prepare_device


def run_probe(job: ProbeJob, context: RunContext) -> Iterator[ProbeRecord | FailureRecord]:
    """Yield one record per probe and layer; a score without a value is a final failure."""
    prepare_device(context.torch_device, num_threads=1)
    with threadpool_limits(1):  # sums of several threads differ in their last bits
        yield from _Sample(job, context).records()


class _Looked(NamedTuple):
    """What one layer makes of the images."""

    layer: str
    features: Tensor
    reference: Tensor | None
    """What the same layer of the reference makes of them, where a probe compares."""


class _Sample:
    """The work of one job; what cannot be loaded fails every score that needs it."""

    def __init__(self, job: ProbeJob, context: RunContext) -> None:
        self._job = job
        self._context = context
        self._probed = Probed(job, context)
        self._at = {layer: cut for cut, layer in enumerate([PIXELS, *job.model.block_names])}
        self._at |= {f"{layer}{BEFORE_ACTIVATION}": cut for layer, cut in self._at.items() if cut}

    def records(self) -> Iterator[ProbeRecord | FailureRecord]:
        """Yield one record a probe and layer."""
        wanted = {layer for probing in self._job.probings for layer in probing.layers}
        if self._job.task is None:
            for layer in self._job.model.block_names:
                yield from self._scores(layer, None, None) if layer in wanted else ()
            return
        left = set(wanted)
        for looked in attempt_each(self._look(wanted), self._context, self._job.key, "probe"):
            if isinstance(looked, FailureRecord):
                yield from self._all_failed(left, looked)
            else:
                left.remove(looked.layer)
                yield from self._scores(*looked)

    def _look(self, wanted: set[str]) -> Iterator[_Looked]:
        """Yield what is seen at each layer, in the model's order.

        Raises:
            ProbeUndefinedError: the images or layers that are wanted do not exist.
        """
        probed = self._probed
        probed.prepare()
        names = [name for name in probed.names() if name in wanted]
        compared = {n for p in self._job.probings if p.kind == "pair" for n in p.layers}
        reference = iter(probed.features(probed.reference, [n for n in names if n in compared]))
        for layer, features in probed.features(probed.source, names):
            other = next(reference, (layer, None))[1] if layer in compared else None
            yield _Looked(layer, features, other)
        if wanted - set(names):
            raise ProbeUndefinedError(
                "the source's weights contain no matching head: there is nothing after its blocks"
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
        positions = None if job.task is None else self._probed.positions
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
            num_images=None if positions is None else len(positions),
            split_hash=None if positions is None else Split(positions, positions[:0]).hash(),
            seed=seed,
            checkpoint_hash=self._probed.values[1],
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
        probed = self._probed
        return Activations(
            features,
            probed.labels,
            probed.task.num_classes,
            seed,
            logits,
            reference,
            self._weights(layer),
            probed.groups,
        )

    def _weights(self, layer: str) -> Mapping[str, Tensor]:
        prefix = f"blocks.{layer}."
        values = self._probed.values[0]
        return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}

    def _all_failed(self, layers: set[str], failed: FailureRecord) -> Iterator[FailureRecord]:
        for probing in self._job.probings:
            for layer in probing.layers:
                if layer in layers:
                    key = probe_key(probing.key, self._job.replicate, layer)
                    yield replace(failed, key=key, condition=probing.key, replicate=self._job.replicate)
