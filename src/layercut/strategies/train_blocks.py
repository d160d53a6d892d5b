"""Train some blocks, chosen by name, and the head: which blocks are worth training together?

Reference:
    Lee et al. 2023, "Surgical Fine-Tuning Improves Adaptation to Distribution Shifts", for blocks that are not at the
    end of a model. We differ in that the head is always trained, for it is new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from layercut.errors import UnknownNameError
from layercut.spec.base import StrictSpec
from layercut.strategies.whole import KeepsWhole


class TrainBlocksOptions(StrictSpec):
    """What a study file may say."""

    blocks: list[str] = Field(
        min_length=1, description="Names of the blocks that are trained, or of stages: all blocks of these."
    )


@dataclass(frozen=True)
class TrainBlocks(KeepsWhole):
    """The same at every cut."""

    blocks: tuple[int, ...] = ()
    letters: str = ""
    options: ClassVar[type[TrainBlocksOptions]] = TrainBlocksOptions

    def resolve(self, options: TrainBlocksOptions, blocks: Mapping[str, Sequence[int]]) -> dict[str, Any]:
        """Return the indices of the blocks in one model.

        Raises:
            UnknownNameError: the model has no such block or stage.
        """
        for name in options.blocks:
            if name not in blocks:
                raise UnknownNameError("block or stage", name, list(blocks))
        return {"blocks": sorted({block for name in options.blocks for block in blocks[name]})}

    def configured(self, resolved: Mapping[str, Any]) -> TrainBlocks:
        """Return the strategy that trains these blocks."""
        return TrainBlocks(tuple(resolved["blocks"]))

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return the first name: none, all, those above a cut and one alone have names of their own."""
        if not self.blocks:
            return "freeze_reinit", num_blocks, True
        first, last = self.blocks[0], self.blocks[-1]
        if len(self.blocks) == num_blocks:
            return "finetune", num_blocks, True
        if self.blocks == tuple(range(first, num_blocks)):
            return "freeze", first, True
        return ("train_block", last + 1, True) if first == last else ("train_blocks", num_blocks, True)

    def trained(self, cut: int, num_blocks: int) -> tuple[int, ...]:
        """Return the chosen blocks."""
        return self.blocks


TRAIN_BLOCKS = TrainBlocks()
