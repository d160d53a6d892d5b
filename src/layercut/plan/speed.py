"""How fast this machine trains a model, block by block: measured in a second or two, and kept for the next plan."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layercut.files import needing_space, written_whole
from layercut.keys import content_key
from layercut.models import MODELS
from layercut.models.base import CuttableModel, seeded_build, seeded_head
from layercut.models.bounded import within_memory
from layercut.plan.canonical import model_identity
from layercut.plan.cost import ModelCost
from layercut.plan.jobs import Condition
from layercut.plan.solving import path_flops
from layercut.training.device import one_thread, place_model, prepare_device, processor_name
from layercut.training.optimizer import build_optimizer
from layercut.training.solved import HeldOut, choose_strength

_PASS_FLOPS = 2 * 10**10
"""A pass over a batch has about so many operations: fewer images of a large model than training takes at a time."""

_LEAST_IMAGES = 2
"""Batch normalisation of a single value a channel is undefined."""

_LEAST_PASSES, _MOST_PASSES = 3, 6
"""The least seconds of them count; the first one still gets memory and plans of kernels."""

_ENOUGH_SECONDS = 1.0

_SOLVED_IMAGES, _SOLVED_FEATURES = 640, 256
"""Of the head that is solved to time the solver."""

_FEW_IMAGES = 10
"""Of each class, on as many features as make them: what such a path takes is not arithmetic."""

_LATENT = 32
"""Features are a ReLU of random mixtures of so many, like a network's: independent ones take fewer iterations."""

_MOST_CLASSES = 10
"""With more the solver is timed as with so many: it would take long, and an operation hardly costs more or less."""


class ModelSpeed(NamedTuple):
    """Seconds of one processor core, without those of other programs; of a pass, for one image of a batch."""

    num_images: int
    """Of the batch that was measured."""
    block_forward: tuple[float, ...]
    block_backward: tuple[float, ...]
    block_evaluated: tuple[float, ...]
    """A forward pass that nothing is learned from."""
    head: tuple[float, ...]
    """Forward and backward pass of a head on the features of each cut 0..B, with its loss."""
    update: float
    """A step of the optimizer, of the whole model; not for one image."""
    build: float
    """Building the model, as every trial does; not for one image."""


class SolverSpeed(NamedTuple):
    """Seconds of one processor core that solving heads takes, as `plan.solving` counts its operations."""

    path: float
    """Of following a path whatever its size: on few images this is nearly all."""
    operation: float
    """Of each of its operations besides."""


_LISTS = ("block_forward", "block_backward", "block_evaluated", "head")


def measured_speed(condition: Condition, cost: ModelCost, cache_dir: Path, measure: bool) -> ModelSpeed | None:
    """Return the speed of a condition's model in batches of its size, as it was measured on this machine before.

    `measure`: measure it where it was not; else None is returned there.

    Raises:
        SpecError: a step of training takes more than this machine's memory.
        StorageFullError: the disk is full.
    """
    num_images, num_classes = _num_images(cost, condition.training.batch_size), condition.task.num_classes
    known = [processor_name(), torch.__version__, num_images, num_classes, condition.training.optimizer]
    place = cache_dir / "speeds" / f"{content_key('speed', [known, model_identity(condition.model)])}.json"
    told = _read(place, ModelSpeed._fields)
    if told is None:
        if not measure:
            return None
        with within_memory("a step of training"), _as_a_worker():
            told = _measure(condition, num_images)._asdict()
        _keep(place, told)
    forward, backward, evaluated, head = (tuple(map(float, told[name])) for name in _LISTS)
    once = float(told["update"]), float(told["build"])
    return ModelSpeed(int(told["num_images"]), forward, backward, evaluated, head, *once)


def solver_speed(num_classes: int, cache_dir: Path, measure: bool) -> SolverSpeed | None:
    """Return the speed of the solver of heads; likewise.

    Raises:
        StorageFullError: the disk is full.
    """
    num_classes = min(num_classes, _MOST_CLASSES)
    known = [processor_name(), torch.__version__, num_classes]
    place = cache_dir / "speeds" / f"{content_key('solver', known)}.json"
    told = _read(place, SolverSpeed._fields)
    if told is None:
        if not measure:
            return None
        with _as_a_worker():
            told = _measured_solver(num_classes)._asdict()
        _keep(place, told)
    return SolverSpeed(float(told["path"]), float(told["operation"]))


@contextmanager
def _as_a_worker() -> Iterator[None]:
    """Compute on one thread, prepared as for a trial."""
    with one_thread():
        prepare_device(torch.device("cpu"), 1)
        yield


def _num_images(cost: ModelCost, batch_size: int) -> int:
    most = _PASS_FLOPS // max(1, 3 * cost.whole_flops)
    return max(_LEAST_IMAGES, min(batch_size, most))


def _read(place: Path, names: tuple[str, ...]) -> dict[str, Any] | None:
    """Return what was kept; None where nothing was, or something else."""
    try:
        told = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and set(told) == set(names) else None


def _keep(place: Path, told: dict[str, Any]) -> None:
    with needing_space(f"cannot write {place}"), written_whole(place) as path:
        path.write_text(json.dumps(told), encoding="utf-8")


def _measure(condition: Condition, num_images: int) -> ModelSpeed:
    ref, num_classes = condition.model, condition.task.num_classes
    family = MODELS[ref.name]
    options = family.options.model_validate(ref.options)

    def build() -> CuttableModel:
        return place_model(seeded_build(family, options, ref.image_shape, num_classes, seed=0), torch.device("cpu"))

    model = build()  # the first one imports a lot
    build_seconds = _seconds(build)
    heads = [seeded_head(family, options, shape, num_classes, seed=0) for shape in ref.feature_shapes]
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(num_images, *ref.image_shape, generator=generator)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(num_classes, (num_images,), generator=generator)
    passes: list[tuple[list[float], ...]] = []
    started = time.perf_counter()
    while len(passes) < _LEAST_PASSES or (
        len(passes) < _MOST_PASSES and time.perf_counter() - started < _ENOUGH_SECONDS
    ):
        evaluation = _evaluation(model.eval(), images)
        both, behind, each_head = _one_pass(model.train(), [head.train() for head in heads], images, labels)
        passes.append((both, behind, evaluation, each_head))
    forward, backward, evaluated, head = (
        tuple(min(times) / num_images for times in zip(*(one[part] for one in passes), strict=True))
        for part in range(len(_LISTS))
    )
    update = _update_seconds(model, condition)
    return ModelSpeed(num_images, forward, backward, evaluated, head, update, build_seconds)


def _update_seconds(model: CuttableModel, condition: Condition) -> float:
    if condition.head == "solved":  # nothing is trained
        return 0.0
    optimizer = build_optimizer(model.named_parameters(), condition.training)
    return min(_seconds(optimizer.step) for _ in range(3))


def _one_pass(
    model: CuttableModel, heads: list[nn.Module], images: Tensor, labels: Tensor
) -> tuple[list[float], list[float], list[float]]:
    """Return the seconds of each block's forward and backward pass, and of each head's both."""
    forward, backward = [], []
    features = images
    head_seconds = [_head_seconds(heads[0], features, labels)]
    for block, head in zip(model.blocks, heads[1:], strict=True):
        inputs = features.detach().requires_grad_(features is not images)
        started = time.process_time()
        outputs = block(inputs)
        forward.append(time.process_time() - started)
        backward.append(_seconds(outputs.sum().backward) if outputs.requires_grad else 0.0)
        features = outputs.detach()
        head_seconds.append(_head_seconds(head, features, labels))
    return forward, backward, head_seconds


@torch.inference_mode()
def _evaluation(model: CuttableModel, features: Tensor) -> list[float]:
    """Return the seconds of each block's forward pass in an evaluation."""
    seconds = []
    for block in model.blocks:
        started = time.process_time()
        features = block(features)
        seconds.append(time.process_time() - started)
    return seconds


def _head_seconds(head: nn.Module, features: Tensor, labels: Tensor) -> float:
    inputs = features.detach().requires_grad_(True)
    return _seconds(lambda: F.cross_entropy(head(inputs), labels).backward())  # type: ignore[no-untyped-call]


def _measured_solver(num_classes: int) -> SolverSpeed:
    """Solve a head on few made-up features and on many."""
    few = _Solved(num_classes * _FEW_IMAGES, _LATENT)
    _path_seconds(few, num_classes)  # a first solution imports a lot
    least = min(_path_seconds(few, num_classes) for _ in range(3))
    many = _Solved(_SOLVED_IMAGES, _SOLVED_FEATURES)
    seconds = _path_seconds(many, num_classes)
    flops = path_flops(*many, num_classes) - path_flops(*few, num_classes)
    operation = max(0.0, seconds - least) / flops
    return SolverSpeed(max(0.0, least - operation * path_flops(*few, num_classes)), operation)


class _Solved(NamedTuple):
    num_images: int
    num_features: int


def _path_seconds(problem: _Solved, num_classes: int) -> float:
    """Return the seconds of a path on made-up features, a tenth as many images held out."""
    generator = torch.Generator().manual_seed(0)
    num_seen = problem.num_images
    num_images = num_seen + max(num_classes, num_seen // 10)
    labels = torch.arange(num_images) % num_classes
    latent = torch.randn(num_classes, _LATENT, generator=generator)[labels]
    latent += torch.randn(num_images, _LATENT, generator=generator)
    latent *= (torch.arange(_LATENT) + 1.0).rsqrt()
    features = (latent @ torch.randn(_LATENT, problem.num_features, generator=generator)).relu()
    split = HeldOut(torch.arange(num_seen), torch.arange(num_seen, num_images))
    return _seconds(lambda: choose_strength(features, labels, [split], num_classes))


def _seconds(work: Callable[[], object]) -> float:
    """Return the processor's seconds, on one thread: what other programs take meanwhile is not counted."""
    started = time.process_time()
    work()
    return time.process_time() - started
