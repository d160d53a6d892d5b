"""Strategies that train some parameters of a block, and models that have none of these."""

from __future__ import annotations

from collections.abc import Iterator

from layercut.models import MODELS
from layercut.models.base import seeded_build
from layercut.plan.jobs import ModelRef
from layercut.spec import StudySpec
from layercut.strategies import STRATEGIES
from layercut.strategies.base import PartialStrategy


def partial_warnings(spec: StudySpec, model: ModelRef) -> Iterator[str]:
    """Say which strategies train nothing of a model but a new head."""
    partial = [name for name in spec.transfer.strategies if isinstance(STRATEGIES[name], PartialStrategy)]
    if not partial:
        return
    family = MODELS[model.name]
    blocks = seeded_build(family, family.options.model_validate(model.options), model.image_shape, 2, seed=0).blocks
    for name in partial:
        strategy = STRATEGIES[name]
        if isinstance(strategy, PartialStrategy) and not any(
            strategy.trains(layer, parameter)
            for layer in blocks.modules()
            for parameter, _ in layer.named_parameters(recurse=False)
        ):
            yield f"{name} trains only the head: the blocks of {model.label} have no such parameters"
