"""The contract of a strategy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel
from torch import Tensor, nn

from layercut.models.base import CuttableModel
from layercut.strategies.treatment import HeadKind, Treatment
from layercut.strategies.wording import FURTHER, instruction

State = Mapping[str, Tensor]
"""Parameters and buffers by qualified name."""


class Ingredients(NamedTuple):
    """What a model for one trial is made of."""

    fresh: CuttableModel
    """A whole model with this replicate's initial values and a new head for the target's classes; may be changed."""
    source: State
    """The source model's values; empty for a strategy that transfers nothing."""
    new_head: Callable[[int], nn.Module]
    """cut -> a new head for the features of that cut, with this replicate's initial values."""
    keep_hidden: bool
    """Keep the source's head but for its classifier, where the whole model is kept together."""


class Strategy(Protocol):
    """What is done to the blocks below and above the cut; one instance a name, listed in `strategies/__init__.py`.

    Nothing is read from a strategy's name. Blocks are indices from the input on, in any order and with gaps; those
    that are neither trained nor removed are frozen: never trained, in eval mode, buffers included.
    """

    letters: str
    """Short name in the layer-freezing literature, or an empty string."""
    transfers: bool
    """Whether anything of the source is used."""

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return the strategy and cut that name this trial first, and whether it depends on the source.

        Two design points with equal answers are one trial.
        """
        ...

    def kept(self, cut: int, num_blocks: int) -> Collection[int]:
        """Return the indices of the blocks whose values come from the source, unchanged."""
        ...

    def trained(self, cut: int, num_blocks: int) -> Collection[int]:
        """Return the indices of the blocks in which anything is trained, at any time; the head always is."""
        ...

    def removed(self, cut: int, num_blocks: int) -> Collection[int]:
        """Return the indices of the blocks that are removed: none, or all from one on."""
        ...

    def prepare(self, ingredients: Ingredients, cut: int) -> CuttableModel:
        """Return the model to train, trunk included; freezing is left to the training."""
        ...


@runtime_checkable
class OptionedStrategy(Protocol):
    """What is registered beside `Strategy` where a study has to say more than a name: it makes the strategies."""

    @property
    def options(self) -> type[BaseModel]:
        """Return what a study file may say."""
        ...

    def resolve(self, options: Any, blocks: Mapping[str, Sequence[int]]) -> Mapping[str, Any]:
        """Return checked options as JSON values that hold in one model: keys are made of them.

        `blocks`: which blocks of the model, by index, each name of a block or a stage means.

        Raises:
            UnknownNameError: the model has no such block or stage.
        """
        ...

    def configured(self, resolved: Mapping[str, Any]) -> Strategy:
        """Return the strategy that has these options."""
        ...


def with_options(strategy: Strategy, resolved: Mapping[str, Any]) -> Strategy:
    """Return a registered strategy as it is, or with options where there are some."""
    return strategy.configured(resolved) if resolved and isinstance(strategy, OptionedStrategy) else strategy


@runtime_checkable
class SolvesHead(Protocol):
    """What a strategy says beside `Strategy` where its head does not start from random values."""

    head: HeadKind


def head_of(strategy: Strategy) -> HeadKind:
    """Return how the head of a strategy gets its values."""
    return strategy.head if isinstance(strategy, SolvesHead) else "trained"


@runtime_checkable
class PartialStrategy(Protocol):
    """What a strategy says beside `Strategy` where of a block that it trains it trains some parameters only.

    A layer that has others stays in eval mode, so that its buffers stay as they are.
    """

    def trains(self, layer: nn.Module, parameter: str) -> bool:
        """Return whether a parameter of a trained block is trained; `layer` itself has it under this name."""
        ...


@runtime_checkable
class RatedStrategy(Protocol):
    """What a strategy says beside `Strategy` where its blocks learn at rates of their own."""

    def rate(self, block: int, num_blocks: int, decay: float) -> float:
        """Return the factor of the learning rate for a block, by index; `decay` is the study's `layer_decay`."""
        ...


@runtime_checkable
class StagedStrategy(Protocol):
    """What a strategy says beside `Strategy` where its blocks are not trained from the beginning, but in turns."""

    def turn(self, block: int, group_ends: Sequence[int]) -> int:
        """Return when a block joins: in turn 0 with the head, 1 after that, and so on.

        `group_ends` are the cuts at which the model's groups of blocks end, ascending: its stages, or every block.
        """
        ...


@runtime_checkable
class DescribedStrategy(Protocol):
    """What a strategy says beside `Strategy` where "train them further" does not say how it trains what it keeps."""

    how: str
    """In place of these words, in the instruction that a report gives."""


def instruction_of(strategy: Strategy, treated: Treatment, names: Sequence[str] = ()) -> str:
    """Return what a strategy does at a cut, as a sentence begins; `names` are those of the blocks."""
    how = strategy.how if isinstance(strategy, DescribedStrategy) else FURTHER
    return instruction(treated, names, head_of(strategy), how)


@runtime_checkable
class PullingStrategy(Protocol):
    """What a strategy says beside `Strategy` where a penalty draws what is kept back to the source's values."""

    pulled: bool
    """Whether it does; how much is the study's `pull`."""
