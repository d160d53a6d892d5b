"""Where statistics of norms are estimated again: which conditions that changes, and which models it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import nn

from layercut.plan.jobs import Condition, ModelRef
from layercut.strategies.base import PartialStrategy, Strategy
from layercut.strategies.treatment import Treatment


def has_frozen_norms(strategy: Strategy, model: ModelRef, treatment: Treatment) -> bool:
    """Return whether batch norms of a model stay as they are while it is trained so."""
    at_rest = [*treatment.frozen, *(treatment.trained if _leaves_norms(strategy) else ())]
    return any(model.block_norms[block] is not None for block in at_rest)


def adapting_warnings(conditions: Iterable[Condition], model: ModelRef) -> Iterator[str]:
    """Say where nothing comes of `adapt_norms`, given the conditions of which some level of training asks for it."""
    if any(condition.fitting.adapt_norms for condition in conditions):
        return
    if any(norm is not None for norm in model.block_norms):
        yield f"adapt_norms changes nothing of {model.label}: no strategy of this study leaves batch norms frozen"
    else:
        yield f"adapt_norms changes nothing of {model.label}: its blocks have no batch norms with running statistics"


def _leaves_norms(strategy: Strategy) -> bool:
    norm = nn.BatchNorm2d(1)
    return isinstance(strategy, PartialStrategy) and not all(strategy.trains(norm, one) for one in ("weight", "bias"))
