"""How long the models that a study may recommend take for one image, on the processor that ran it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from layercut.ledger import Ledger
from layercut.models import MODELS
from layercut.models.base import seeded_build, seeded_head
from layercut.plan.expand import Plan
from layercut.plan.jobs import Condition
from layercut.training.device import one_thread, processor_name

META = "latency"
"""Where a ledger has it: `processor`, and `models`, a row each with `target`, `model` and `milliseconds`."""

_WARM_UP = 2
_MOST_PASSES = 21
_LEAST_PASSES = 3
_ENOUGH_SECONDS = 0.5


def write_down_latency(plan: Plan, ledger: Ledger) -> None:
    """Measure every model of a plan on the processor, and write it down; half a second for each size and head of one.

    Nothing is measured again on the same kind of processor. It is no part of any record.
    """
    wanted = {(one.task.label, one.model.label): one for one in plan.conditions}
    known = ledger.meta(META) or {}
    rows = known.get("models", []) if known.get("processor") == processor_name() else []
    measured = {(row["target"], row["model"]) for row in rows}
    missing = [place for place in wanted if place not in measured]
    if not missing:
        return
    times: dict[tuple[str, tuple[int, ...], int], list[float]] = {}  # targets of one size and head share them
    added = []
    for target, model in missing:
        one = wanted[target, model]
        network = model, one.model.image_shape, one.task.num_classes
        if network not in times:
            times[network] = milliseconds(one)
        added.append({"target": target, "model": model, "milliseconds": times[network]})
    ledger.set_meta(META, {"processor": processor_name(), "models": [*rows, *added]})


def milliseconds(condition: Condition) -> list[float]:
    """Return the milliseconds per image of a condition's model, cut to its first 0..B blocks with a head on them.

    Median of some passes on one thread, block by block; values of parameters do not matter.
    """
    ref, num_classes = condition.model, condition.task.num_classes
    family = MODELS[ref.name]
    options = family.options.model_validate(ref.options)
    model = seeded_build(family, options, ref.image_shape, num_classes, seed=0).eval()
    heads = [seeded_head(family, options, shape, num_classes, seed=0).eval() for shape in ref.feature_shapes]
    image = torch.rand(1, *ref.image_shape, generator=torch.Generator().manual_seed(0))
    passes: list[list[float]] = []
    with one_thread(), torch.inference_mode():
        started = time.perf_counter()
        while len(passes) < _WARM_UP + _LEAST_PASSES or (
            len(passes) < _WARM_UP + _MOST_PASSES and time.perf_counter() - started < _ENOUGH_SECONDS
        ):
            passes.append(_one_pass(list(model.blocks), heads, image))
    steps = [statistics.median(times) for times in zip(*passes[_WARM_UP:], strict=True)]
    blocks, head = steps[: len(model.blocks)], steps[len(model.blocks) :]
    return [round(1000 * (sum(blocks[:left]) + head[left]), 4) for left in range(len(head))]


def _one_pass(
    blocks: Sequence[Callable[[Tensor], Tensor]], heads: Sequence[Callable[[Tensor], Tensor]], image: Tensor
) -> list[float]:
    """Return the seconds of each block, then of each head on what comes out before and after the blocks."""
    block_seconds, features = [], [image]
    for block in blocks:
        seconds, outputs = _timed(block, features[-1])
        block_seconds.append(seconds)
        features.append(outputs)
    return block_seconds + [_timed(head, inputs)[0] for head, inputs in zip(heads, features, strict=True)]


def _timed(module: Callable[[Tensor], Tensor], inputs: Tensor) -> tuple[float, Tensor]:
    started = time.perf_counter()
    outputs = module(inputs)
    return time.perf_counter() - started, outputs
