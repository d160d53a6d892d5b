"""How long trials of a recommendation are expected to take, before any was done."""

from __future__ import annotations

import time

import torch

from layercut.data.cache import default_cache_dir
from layercut.models import MODELS
from layercut.models.base import seeded_build
from layercut.plan.jobs import ModelRef
from layercut.plan.seconds import estimated_seconds, trial_seconds
from layercut.recommending.decision import first_trials
from layercut.recommending.journal import Journal
from layercut.recommending.runs import Runs
from layercut.runner import OpenRun
from layercut.training.device import one_thread, place_model

_IMAGES = 4
_MOST_PASSES = 3
_ENOUGH_SECONDS = 1.0


def planned_seconds(run: OpenRun) -> dict[str, float]:
    """Return the seconds that a trial of each condition takes one worker, by key, as `plan` knows them.

    These are of a processor; on a GPU all of them are shorter by as much as a pass of the whole model is there.
    """
    ref, device = run.plan.conditions[0].model, run.context.torch_device
    planned = trial_seconds(run.plan, default_cache_dir())
    if device.type == "cpu" or not planned:
        return planned
    faster = pass_seconds(ref, torch.device("cpu")) / pass_seconds(ref, device)
    return {key: seconds / faster for key, seconds in planned.items()}


def first_seconds(runs: Runs, journal: Journal) -> float:
    """Return how long the trials that come first are planned to take, with the features that they share.

    Features are planned at the speed of a processor, on a GPU, too.
    """
    shared = 0.0
    for run in runs.by_model.values():
        planned = estimated_seconds(run.plan, default_cache_dir(), journal.num_workers, measure=True)
        shared += planned["source"] + planned["extract"] if planned else 0.0
    own = sum(journal.planned_seconds[trial.key] for trial in first_trials(journal.arms))
    return (shared + own) / journal.num_workers


def pass_seconds(ref: ModelRef, device: torch.device) -> float:
    """Return the seconds that a forward and backward pass of the whole model takes, on one thread.

    The fastest of a few passes over a few images; a slow model gets one.
    """
    family = MODELS[ref.name]
    options = family.options.model_validate(ref.options)
    model = place_model(seeded_build(family, options, ref.image_shape, num_classes=2, seed=0), device).train()
    images = torch.zeros(_IMAGES, *ref.image_shape, device=device).contiguous(memory_format=torch.channels_last)
    passes: list[float] = []
    with one_thread():
        while len(passes) < _MOST_PASSES and sum(passes) < _ENOUGH_SECONDS:
            started = time.perf_counter()
            model(images).sum().backward()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            passes.append(time.perf_counter() - started)
    return min(passes)
