"""Train one block alone, the last below the cut, and the head: which block is worth training?

Reference:
    Lee et al. 2023, "Surgical Fine-Tuning Improves Adaptation to Distribution Shifts": which one is best depends on
    what has changed, early blocks for changed images, late ones for changed labels. We differ in that the head is
    always trained, for it is new.
"""

from __future__ import annotations

from dataclasses import dataclass

from layercut.strategies.whole import KeepsWhole


@dataclass(frozen=True)
class TrainBlock(KeepsWhole):
    """At cut k the k-th block is trained, at cut 0 none."""

    letters: str = ""

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return the first name: without a trained block all are frozen; the last one is the tail of `freeze`."""
        if cut == num_blocks > 0:
            return ("freeze", cut - 1, True) if cut > 1 else ("finetune", 1, True)
        return ("freeze_reinit", num_blocks, True) if cut == 0 else ("train_block", cut, True)

    def trained(self, cut: int, num_blocks: int) -> range:
        """Return the last block below the cut."""
        return range(max(cut - 1, 0), cut)


TRAIN_BLOCK = TrainBlock()
