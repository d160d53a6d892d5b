"""Strategies that train some parameters of a block, and models that have none of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from layercut.models import MODELS
from layercut.models.base import seeded_build
from layercut.plan.chosen import Chosen
from layercut.plan.jobs import ModelRef
from layercut.strategies.base import PartialStrategy


def partial_warnings(strategies: Iterable[Chosen], model: ModelRef) -> Iterator[str]:
    """Say which strategies train nothing of a model but a new head."""
    partial = [one for one in strategies if isinstance(one.does, PartialStrategy)]
    if not partial:
        return
    family = MODELS[model.name]
    blocks = seeded_build(family, family.options.model_validate(model.options), model.image_shape, 2, seed=0).blocks
    for one in partial:
        strategy = one.does
        if isinstance(strategy, PartialStrategy) and not any(
            strategy.trains(layer, parameter)
            for layer in blocks.modules()
            for parameter, _ in layer.named_parameters(recurse=False)
        ):
            yield f"{one.label} trains only the head: the blocks of {model.label} have no such parameters"
