"""A source's activations for some of a task's images: from the store where it has them, else computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from layercut.data.subset import Task
from layercut.features.taps import PIXELS, every_tap, tap_features
from layercut.models.base import CuttableModel
from layercut.plan.jobs import ProbeJob
from layercut.stages.context import RunContext
from layercut.stages.inputs import feature_rows, open_features, pixel_inputs
from layercut.training.batches import Inputs


def source_features(
    job: ProbeJob,
    context: RunContext,
    model: CuttableModel,
    task: Task,
    split: Literal["train", "test"],
    positions: NDArray[np.int64],
    layers: list[str],
    stored: bool,
) -> Iterator[tuple[str, Tensor]]:
    """Yield each layer with its activations, Float32 "n ..." on the CPU, in the model's order.

    `stored`: the model is the source whose features the job's feature set may hold. Layers between a stored cut and the
    next one are computed from it, with the same bits as from pixels (`features/extract.py`).
    """
    taps = {name: module for name, module in every_tap(model).items() if name in layers}
    kept = _stored_cuts(job, context, split, positions) if stored else {}
    bases = [0, *kept]
    for base, above in zip(bases, [*bases[1:], None], strict=True):
        depth = {name: _depth(model, module) for name, module in taps.items()}
        here = {name: taps[name] for name, at in depth.items() if base <= at and (above is None or at < above)}
        if not here:
            continue
        inputs = kept[base] if base else pixel_inputs(context, task, job.training, split, positions)
        at_base = model.block_names[base - 1] if base else PIXELS
        here = {name: PIXELS if name == at_base else module for name, module in here.items()}
        part = _part(model, base, max(depth[name] for name in here))
        yield from tap_features(
            part, inputs, here, context.torch_device, job.chunk, job.training.precision, most_units=job.most_units
        )


def _stored_cuts(
    job: ProbeJob, context: RunContext, split: Literal["train", "test"], positions: NDArray[np.int64]
) -> dict[int, Inputs]:
    """Return the inputs above each stored cut that has all of the images."""
    if job.feature_set is None:
        return {}
    rows = feature_rows(context, job.feature_set, split)
    if not np.isin(positions, rows).all():
        return {}
    stored = open_features(context, job.feature_set, split)
    index = np.searchsorted(rows, positions)
    return {
        cut: stored.inputs(cut, index, context.torch_device) for cut in stored.stored_cuts(job.feature_set.num_shards)
    }


def _depth(model: CuttableModel, module: str) -> float:
    """Return how many blocks a tap needs; after the last block, the head too."""
    if module == PIXELS:
        return 0
    parts = module.split(".")
    if parts[0] != "blocks":
        return len(model.blocks) + 0.5
    index = model.block_names.index(parts[1])
    return index + 1 if len(parts) == 2 else index + 0.5


def _part(model: CuttableModel, base: int, depth: float) -> nn.Module:
    top = len(model.blocks) if depth > len(model.blocks) else int(np.ceil(depth))
    blocks = dict(list(model.blocks.named_children())[base:top])
    return CuttableModel(blocks, model.head if depth > len(model.blocks) else nn.Identity())
