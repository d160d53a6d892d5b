"""Warnings of a plan about classes and strategies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from layercut.data.base import DatasetInfo
from layercut.errors import visible
from layercut.metrics import ACCURACY, Metric, are_unequal
from layercut.models import MODELS
from layercut.models.base import seeded_build
from layercut.plan.chosen import Chosen
from layercut.plan.jobs import ModelRef
from layercut.strategies.base import PartialStrategy


def imbalance_note(metric: Metric, info: DatasetInfo) -> Iterator[str]:
    """Say that a choice by accuracy is mostly one by the largest class, where it is."""
    if metric != ACCURACY or not are_unequal(info.train_counts):
        return
    by_size = sorted(zip(info.train_counts, info.class_names, strict=True), key=lambda pair: -pair[0])
    (most, largest), (least, smallest) = by_size[0], by_size[-1]
    yield (
        f"{info.label}: class {visible(largest)!r} has {most:,} training images and {visible(smallest)!r} {least:,}; "
        "conditions are chosen by accuracy, which is mostly that of the largest classes; `metric: balanced_accuracy` "
        "or `macro_f1` counts each class alike"
    )


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
