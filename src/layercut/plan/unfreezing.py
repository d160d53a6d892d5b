"""Gradual unfreezing in a plan: when blocks join, what that saves, what to warn of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from layercut.data.base import DatasetInfo
from layercut.plan.cost import Phase, training_length
from layercut.plan.jobs import Condition, ModelRef
from layercut.plan.steps import most_images
from layercut.strategies import STRATEGIES
from layercut.strategies.base import StagedStrategy, Strategy
from layercut.strategies.treatment import Treatment
from layercut.training.config import TrainingConfig
from layercut.training.unfreezing import joining_rounds


def turns_of(strategy: Strategy, model: ModelRef, treatment: Treatment) -> dict[int, int]:
    """Return the turn in which each trained block joins; nothing where all are trained from the beginning."""
    if not isinstance(strategy, StagedStrategy):
        return {}
    return {block: strategy.turn(block, model.group_ends) for block in treatment.trained}


def phases(treatment: Treatment, config: TrainingConfig, num_train: int, turns: Mapping[int, int]) -> Iterator[Phase]:
    """Yield the parts of a training between which blocks join; a round is taken for as long as another."""
    epochs, num_rounds = training_length(config, num_train)
    joins = joining_rounds(turns, config.unfreeze_every, num_rounds)
    for begin, end in pairwise([*sorted({1, *joins.values()}), num_rounds + 1]):
        trained = tuple(block for block in treatment.trained if joins.get(block, 1) <= begin)
        yield Phase(epochs * (end - 1) // num_rounds - epochs * (begin - 1) // num_rounds, trained)


def unfreezing_warnings(conditions: Iterable[Condition], info: DatasetInfo) -> Iterator[str]:
    """Say where groups of blocks join closer together than `unfreeze_every` asks."""
    conditions = list(conditions)
    staged = {name for name in {one.strategy for one in conditions} if isinstance(STRATEGIES[name], StagedStrategy)}
    for condition in conditions:
        if condition.strategy not in staged:
            continue
        turns, config = turns_of(condition.does, condition.model, condition.treatment), condition.training
        num_rounds = config.rounds(most_images(condition, info)).number
        wanted = 1 + max(turns.values(), default=0) * config.unfreeze_every
        if wanted > num_rounds:
            yield (
                f"{info.label} at {100 * condition.fraction:g} %: {condition.strategy} of {condition.model.label} asks "
                f"for {wanted} evaluations until all blocks are trained, and trainings have at most {num_rounds}: "
                f"groups of blocks join closer together; raise `{'epochs' if config.steps is None else 'evaluations'}`"
            )
