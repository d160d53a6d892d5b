"""The layers of a model that probes look at, as known to a plan."""

from __future__ import annotations

from typing import NamedTuple

from layercut.features.taps import PIXELS, block_before_activation, every_tap
from layercut.models import MODELS
from layercut.models.base import seeded_build
from layercut.plan.jobs import ModelRef


class Layers(NamedTuple):
    """Names of a model's taps, in order."""

    inside: list[str]
    """From the pixels to the last block."""
    before_activation: list[str]
    """The pixels, and what the last activation of each block sees; the pixels alone where the model does not say."""
    behind: list[str]
    """Behind the last block."""


def model_layers(model: ModelRef) -> Layers:
    """Return the names of a model's taps."""
    family = MODELS[model.name]
    options = family.options.model_validate(model.options)
    built = seeded_build(family, options, model.image_shape, num_classes=2, seed=0)
    inside = [name for name, module in built.taps.items() if module.startswith("blocks.")]
    before = [name for name in every_tap(built) if block_before_activation(name) in built.before_activation]
    return Layers([PIXELS, *inside], [PIXELS, *before], [name for name in built.taps if name not in inside])
