"""Running statistics of batch norms: which conditions estimate them again or freeze them, and where that is nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from torch import nn

from layercut.plan.jobs import Condition, ModelRef
from layercut.strategies.base import PartialStrategy, Strategy
from layercut.strategies.treatment import Treatment
from layercut.training.config import TrainingConfig

NORM_FIELDS = {
    "adapt_norms": "no strategy of this study leaves batch norms frozen",
    "freeze_norm_statistics": "no strategy of this study trains batch norms that come from the source",
}
"""Of a training, and why each may change nothing."""


def with_own_norms(config: TrainingConfig, strategy: Strategy, model: ModelRef, treatment: Treatment) -> TrainingConfig:
    """Return a training without what it says of norms that the condition does not have: one trial for both."""
    freezes = config.freeze_norm_statistics and _trains_kept_norms(strategy, model, treatment)
    adapts = config.adapt_norms and (freezes or _has_frozen_norms(strategy, model, treatment))
    if (freezes, adapts) == (config.freeze_norm_statistics, config.adapt_norms):
        return config
    return dataclasses.replace(config, freeze_norm_statistics=freezes, adapt_norms=adapts)


def norm_warnings(asked: Iterable[str], conditions: Iterable[Condition], model: ModelRef) -> Iterator[str]:
    """Say which of the fields that some level of training asks for change nothing in any of the conditions."""
    conditions = list(conditions)
    for name in asked:
        if any(getattr(condition.training, name) for condition in conditions):
            continue
        if any(norm is not None for norm in model.block_norms):
            yield f"{name} changes nothing of {model.label}: {NORM_FIELDS[name]}"
        else:
            yield f"{name} changes nothing of {model.label}: its blocks have no batch norms with running statistics"


def _has_frozen_norms(strategy: Strategy, model: ModelRef, treatment: Treatment) -> bool:
    at_rest = [*treatment.frozen, *(treatment.trained if _leaves_norms(strategy) else ())]
    return any(model.block_norms[block] is not None for block in at_rest)


def _trains_kept_norms(strategy: Strategy, model: ModelRef, treatment: Treatment) -> bool:
    both = set(treatment.kept) & set(treatment.trained)
    return not _leaves_norms(strategy) and any(model.block_norms[block] is not None for block in both)


def _leaves_norms(strategy: Strategy) -> bool:
    norm = nn.BatchNorm2d(1)
    return isinstance(strategy, PartialStrategy) and not all(strategy.trains(norm, one) for one in ("weight", "bias"))
