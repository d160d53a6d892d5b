"""Storing a frozen trunk's features, each cut's from the one below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np

from layercut.features.extract import FEATURE_CHUNK, ResidentInputs, frozen_features
from layercut.plan.jobs import ExtractJob
from layercut.records import FailureRecord
from layercut.stages.context import Context
from layercut.stages.guard import attempt
from layercut.stages.inputs import FrozenTrunk, SplitName, bank_rows, feature_shapes, open_bank
from layercut.stages.source import build_for
from layercut.strategies.primitives import load_blocks
from layercut.training.batches import Inputs, Normalization, PixelInputs
from layercut.training.device import place_model, prepare_device


def run_extract(job: ExtractJob, context: Context) -> Iterator[FailureRecord]:
    """Write one shard of a bank; yields nothing where all went well."""
    failure = attempt(lambda: _extract(job, context), context, job.key, "extract")
    if failure is not None:
        yield failure


def is_stored(job: ExtractJob, context: Context) -> bool:
    """Return whether the job's files are already there."""
    return all(
        open_bank(context, job.bank, split, 0, {}).has_shard(cut, job.shard, job.bank.num_shards)
        for split in get_args(SplitName)
        for cut in job.cuts
    )


def _extract(job: ExtractJob, context: Context) -> None:
    device = context.torch_device
    prepare_device(device, num_threads=1)
    model = build_for(job.bank.model, num_classes=2, seed=0)
    source, _ = context.open_source(job.bank.source)
    top = max(job.cuts)
    load_blocks(model, source, model.block_names[:top])
    blocks = place_model(model, device).trunk(top).eval()
    trunk = FrozenTrunk(blocks, job.bank)
    task = context.open_task(job.bank.task)
    normalization = Normalization(job.bank.fitting.mean, job.bank.fitting.std)
    for split in get_args(SplitName):
        rows = bank_rows(task, job.bank, split)
        images = task.dataset.train.images if split == "train" else task.dataset.test.images
        index = (task.train_index if split == "train" else task.test_index)[rows]
        pixels = PixelInputs(images, index, normalization, device)
        _write_shard(job, context, trunk, split, pixels)


def _write_shard(job: ExtractJob, context: Context, trunk: FrozenTrunk, split: SplitName, pixels: Inputs) -> None:
    bank = open_bank(context, job.bank, split, len(pixels), feature_shapes(trunk))
    num_chunks = -(-len(pixels) // FEATURE_CHUNK)
    first = num_chunks * job.shard // job.bank.num_shards
    last = num_chunks * (job.shard + 1) // job.bank.num_shards
    for start in range(first * FEATURE_CHUNK, last * FEATURE_CHUNK, FEATURE_CHUNK):
        positions = np.arange(start, min(start + FEATURE_CHUNK, len(pixels)))
        below = 0
        inputs: Inputs = pixels
        for cut in job.cuts:
            features = frozen_features(trunk.blocks[below:cut], inputs, positions)
            bank.write(cut, start, features)
            inputs, below = ResidentInputs(features, start), cut
    for cut in job.cuts:
        bank.finish(cut, job.shard, job.bank.num_shards)
