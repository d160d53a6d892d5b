"""Store a frozen trunk's features, each cut's computed from the one below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import torch

from layercut.features.extract import FrozenBlocks, ResidentInputs, frozen_features
from layercut.features.store import FeatureBank
from layercut.plan.jobs import ExtractJob
from layercut.plan.source_models import build_for
from layercut.records import FailureRecord
from layercut.stages.context import Context
from layercut.stages.guard import attempt
from layercut.stages.inputs import SplitName, bank_rows, freeze_trunk, open_bank, pixel_inputs
from layercut.strategies.primitives import load_blocks
from layercut.training.batches import Inputs
from layercut.training.device import place_model, prepare_device


def run_extract(job: ExtractJob, context: Context) -> Iterator[FailureRecord]:
    """Write one shard of a bank; yields nothing where all went well."""
    failure = attempt(lambda: _extract(job, context), context, job.key, "extract")
    if failure is not None:
        yield failure


def is_stored(job: ExtractJob, context: Context) -> bool:
    """Return whether the job's files are already there."""
    return all(
        open_bank(context, job.bank, split).has_shard(cut, job.shard, job.bank.num_shards)
        for split in get_args(SplitName)
        for cut in job.cuts
    )


def discard_damaged(job: ExtractJob, context: Context) -> None:
    """Forget stored features whose files were deleted or truncated, before any of them are computed again."""
    for split in get_args(SplitName):
        for cut in job.cuts:
            open_bank(context, job.bank, split).discard_damaged(cut)


def _extract(job: ExtractJob, context: Context) -> None:
    device = context.torch_device
    prepare_device(device, num_threads=1)
    model = build_for(job.bank.model, num_classes=2, seed=0)
    source, _ = context.open_source(job.bank.source)
    top = max(job.cuts)
    load_blocks(model, source, model.block_names[:top])
    trunk = freeze_trunk(place_model(model, device).trunk(top), job.bank)
    task = context.open_task(job.bank.task)
    for split in get_args(SplitName):
        positions = bank_rows(context, job.bank, split)
        pixels = pixel_inputs(context, task, job.bank.training, split, positions)
        _write_shard(job, trunk.frozen, open_bank(context, job.bank, split), pixels, device)


def _write_shard(
    job: ExtractJob, frozen: FrozenBlocks, bank: FeatureBank, pixels: Inputs, device: torch.device
) -> None:
    num_chunks = -(-len(pixels) // frozen.chunk)
    first = num_chunks * job.shard // job.bank.num_shards
    last = num_chunks * (job.shard + 1) // job.bank.num_shards
    for start in range(first * frozen.chunk, last * frozen.chunk, frozen.chunk):
        positions = torch.arange(start, min(start + frozen.chunk, len(pixels)), device=device)
        below = 0
        inputs: Inputs = pixels
        for cut in job.cuts:
            features = frozen_features(frozen.part(below, cut), inputs, positions)
            bank.write(cut, start, features)
            inputs, below = ResidentInputs(features, start), cut
    for cut in job.cuts:
        bank.finish(cut, job.shard, job.bank.num_shards)
