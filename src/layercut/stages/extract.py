"""Store a frozen trunk's features, each cut's computed from the one below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import torch

from layercut.features.extract import FrozenBlocks, ResidentInputs, frozen_features
from layercut.features.store import StoredFeatures
from layercut.plan.jobs import ExtractJob
from layercut.plan.source_models import build_for
from layercut.records import FailureRecord
from layercut.stages.context import RunContext
from layercut.stages.guard import attempt
from layercut.stages.inputs import SplitName, feature_rows, freeze_trunk, open_features, pixel_inputs
from layercut.strategies.primitives import load_blocks
from layercut.training.batches import Inputs
from layercut.training.device import place_model, prepare_device


def run_extract(job: ExtractJob, context: RunContext) -> Iterator[FailureRecord]:
    """Write one shard of a feature set; yields nothing where all went well."""
    failure = attempt(lambda: _extract(job, context), context, job.key, "extract")
    if failure is not None:
        yield failure


def is_stored(job: ExtractJob, context: RunContext) -> bool:
    """Return whether the job's files are already there."""
    return all(
        open_features(context, job.feature_set, split).has_shard(cut, job.shard, job.feature_set.num_shards)
        for split in get_args(SplitName)
        for cut in job.cuts
    )


def discard_damaged(job: ExtractJob, context: RunContext) -> None:
    """Forget stored features whose files were deleted or truncated, before any of them are computed again."""
    for split in get_args(SplitName):
        for cut in job.cuts:
            open_features(context, job.feature_set, split).discard_damaged(cut)


def _extract(job: ExtractJob, context: RunContext) -> None:
    device = context.torch_device
    prepare_device(device, num_threads=1)
    model = build_for(job.feature_set.model, num_classes=2, seed=0)
    source, _ = context.open_source(job.feature_set.source)
    top = max(job.cuts)
    load_blocks(model, source, model.block_names[:top])
    trunk = freeze_trunk(place_model(model, device).trunk(top), job.feature_set)
    task = context.open_task(job.feature_set.task)
    for split in get_args(SplitName):
        positions = feature_rows(context, job.feature_set, split)
        pixels = pixel_inputs(context, task, job.feature_set.training, split, positions)
        _write_shard(job, trunk.frozen, open_features(context, job.feature_set, split), pixels, device)


def _write_shard(
    job: ExtractJob, frozen: FrozenBlocks, stored: StoredFeatures, pixels: Inputs, device: torch.device
) -> None:
    num_chunks = -(-len(pixels) // frozen.chunk)
    first = num_chunks * job.shard // job.feature_set.num_shards
    last = num_chunks * (job.shard + 1) // job.feature_set.num_shards
    for start in range(first * frozen.chunk, last * frozen.chunk, frozen.chunk):
        positions = torch.arange(start, min(start + frozen.chunk, len(pixels)), device=device)
        below = 0
        inputs: Inputs = pixels
        for cut in job.cuts:
            features = frozen_features(frozen.part(below, cut), inputs, positions)
            stored.write(cut, start, features)
            inputs, below = ResidentInputs(features, start), cut
    for cut in job.cuts:
        stored.finish(cut, job.shard, job.feature_set.num_shards)
