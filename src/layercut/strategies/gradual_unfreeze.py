"""Fine-tune everything, but not all at once: the head first, then one group of blocks after another, from the top.

Reference:
    Howard and Ruder 2018, "Universal Language Model Fine-tuning for Text Classification": gradual unfreezing. We differ
    in what joins: their layers are the model's own stages here, its blocks where it has none; and in that groups join
    closer together where a training has too few evaluations for all of them (`training/unfreezing.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from layercut.strategies.whole import TrainsWhole


class GradualUnfreeze(TrainsWhole):
    """Every block is trained in the end."""

    def turn(self, block: int, group_ends: Sequence[int]) -> int:
        """Return 1 for the blocks of the last group, 2 for those of the one below, and so on."""
        return sum(end > block for end in group_ends)


GRADUAL_UNFREEZE = GradualUnfreeze("gradual_unfreeze", "train them further, from the top on, group after group")
