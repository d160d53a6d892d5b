"""Unfreeze blocks one group after another during a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from torch import Tensor, nn

from layercut.models.partly import PartlyTrained
from layercut.training.config import TrainingConfig

Name = TypeVar("Name", str, int)


def joining_rounds(turns: Mapping[Name, int], every: int, num_rounds: int) -> dict[Name, int]:
    """Return the round, from 1, in which each block joins: its turn times `every` rounds after the head.

    Where that is more rounds than there are, turns come at equal distances and the last one has the last round: groups
    then join together where there are fewer rounds than turns.

    Example:
        >>> joining_rounds({"top": 1, "middle": 2, "bottom": 3}, 2, 40)
        {'top': 3, 'middle': 5, 'bottom': 7}
        >>> joining_rounds({"top": 1, "middle": 2, "bottom": 3}, 2, 3)
        {'top': 1, 'middle': 2, 'bottom': 3}
    """
    last = max(turns.values(), default=0)
    span = min(last * every, num_rounds - 1)
    return {name: 1 + turn * span // max(1, last) for name, turn in turns.items()}


class _Waiting(NamedTuple):
    joins: int
    parameters: tuple[Tensor, ...]


class Unfreezing:
    """Lets the blocks of one training join when their turn comes; until then they are frozen, in eval mode."""

    def __init__(
        self,
        model: nn.Module,
        parameters: Mapping[str, Tensor],
        turns: Mapping[str, int],
        config: TrainingConfig,
        num_rounds: int,
    ) -> None:
        """Freeze nothing yet.

        Args:
            model: blocks and a head.
            parameters: those of the model by name, which need not be the model's own tensors.
            turns: of blocks by qualified name; those that are not named are trained from the beginning.

        Raises:
            TypeError: blocks of a model that cannot hold them back are to join later.
        """
        joins = joining_rounds(turns, config.unfreeze_every, num_rounds)
        self.last = max(joins.values(), default=1)
        """The round from which everything is trained."""
        self._waiting = {
            block: _Waiting(at, tuple(_trained(parameters, block))) for block, at in joins.items() if at > 1
        }
        if self._waiting and not isinstance(model, PartlyTrained):
            raise TypeError(f"expected a model of which blocks can rest; got {type(model).__name__}")
        self._model = model

    def begin(self, number: int) -> None:
        """Freeze what waits in this round, from 1, and let the others be trained."""
        for block in self._waiting.values():
            for parameter in block.parameters:
                parameter.requires_grad_(block.joins <= number)
        if isinstance(self._model, PartlyTrained):
            self._model.waiting = tuple(name for name, block in self._waiting.items() if block.joins > number)

    def end(self) -> None:
        """Let nothing wait any more."""
        self.begin(self.last)


def _trained(parameters: Mapping[str, Tensor], block: str) -> list[Tensor]:
    return [value for name, value in parameters.items() if name.startswith(f"{block}.") and value.requires_grad]
