"""How fast this machine trains this model, measured before anything is tried."""

from __future__ import annotations

import time

import torch

from layercut.models import MODELS
from layercut.models.base import seeded_build
from layercut.plan.jobs import ModelRef
from layercut.training.device import place_model

_IMAGES = 4
_MOST_PASSES = 3
_ENOUGH_SECONDS = 1.0


def training_seconds(ref: ModelRef, device: torch.device) -> float:
    """Return the seconds that a forward and backward pass of the whole model takes for one image, on one thread.

    The fastest of a few passes over a few images; a slow model gets one.
    """
    family, num_threads = MODELS[ref.name], torch.get_num_threads()
    options = family.options.model_validate(ref.options)
    model = place_model(seeded_build(family, options, ref.image_shape, num_classes=2, seed=0), device).train()
    images = torch.zeros(_IMAGES, *ref.image_shape, device=device).contiguous(memory_format=torch.channels_last)
    passes: list[float] = []
    torch.set_num_threads(1)
    try:
        while len(passes) < _MOST_PASSES and sum(passes) < _ENOUGH_SECONDS:
            started = time.perf_counter()
            model(images).sum().backward()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            passes.append(time.perf_counter() - started)
    finally:
        torch.set_num_threads(num_threads)
    return min(passes) / _IMAGES
