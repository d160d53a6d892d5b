"""The treatment of each block at one cut, as the strategy defines it; plan, cost and training need nothing else."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple, Protocol

HeadKind = Literal["trained", "solved", "solved_first"]
"""How a head gets its values: trained from random ones; solved as a logistic regression on the features, in which
case nothing is trained; or solved first, on the model as it is prepared, and then trained with the rest."""


class Treating(Protocol):
    """The part of a strategy that speaks of blocks by their index."""

    def kept(self, cut: int, num_blocks: int) -> Collection[int]:
        """Return the indices of the blocks whose values come from the source, unchanged."""
        ...

    def trained(self, cut: int, num_blocks: int) -> Collection[int]:
        """Return the indices of the blocks in which anything is trained."""
        ...

    def removed(self, cut: int, num_blocks: int) -> Collection[int]:
        """Return the indices of the blocks that are removed: none, or all from one on."""
        ...


class Treatment(NamedTuple):
    """Blocks by index, ascending."""

    num_blocks: int
    """Of the whole model."""
    num_left: int
    """Of the model that is trained; those behind are removed."""
    kept: tuple[int, ...]
    """Values come from the source."""
    trained: tuple[int, ...]
    """Anything in them is trained."""

    @property
    def frozen(self) -> tuple[int, ...]:
        """Return the blocks that are left and stay as they are."""
        return tuple(block for block in range(self.num_left) if block not in self.trained)

    @property
    def trunk(self) -> int:
        """Return how many blocks, from the input on, stay as the source has them: their features can be stored."""
        frozen_source = set(self.kept).difference(self.trained)
        return next((block for block in range(self.num_left) if block not in frozen_source), self.num_left)

    @property
    def learns_from_kept(self) -> bool:
        """Whether anything is trained that comes from the source."""
        return not set(self.kept).isdisjoint(self.trained)


def treatment(strategy: Treating, cut: int, num_blocks: int) -> Treatment:
    """Return what a strategy does at a cut.

    Raises:
        ValueError: what it says is impossible.

    Example:
        >>> from layercut.strategies import STRATEGIES
        >>> treatment(STRATEGIES["freeze_truncate"], 2, 4)
        Treatment(num_blocks=4, num_left=2, kept=(0, 1), trained=())
    """
    kept, trained, removed = (
        tuple(sorted(blocks))
        for blocks in (
            strategy.kept(cut, num_blocks),
            strategy.trained(cut, num_blocks),
            strategy.removed(cut, num_blocks),
        )
    )
    num_left = num_blocks - len(removed)
    if removed != tuple(range(num_left, num_blocks)):
        raise ValueError(
            f"`removed({cut}, {num_blocks})` must be no block, or all from one on to block {num_blocks - 1}: "
            f"got {list(removed)}"
        )
    for name, blocks in (("kept", kept), ("trained", trained)):
        beyond = [block for block in blocks if not 0 <= block < num_left]
        if beyond:
            raise ValueError(
                f"`{name}({cut}, {num_blocks})` must be blocks of 0..{num_left - 1}, those that are not removed: "
                f"got {beyond}"
            )
    return Treatment(num_blocks, num_left, kept, trained)
