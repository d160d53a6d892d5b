"""A linear probe first, then everything is trained: training that starts from a random head distorts good features.

Reference:
    Kumar, Raghunathan, Jones, Ma and Liang, "Fine-Tuning can Distort Pretrained Features and Underperform
    Out-of-Distribution", ICLR 2022: LP-FT. We differ in solving the head to its minimum (`training/solved.py`), where
    they take the best of a few probes that were trained.
"""

from __future__ import annotations

from dataclasses import dataclass

from layercut.strategies.treatment import HeadKind
from layercut.strategies.whole import KeepsWhole


@dataclass(frozen=True)
class LpFinetune(KeepsWhole):
    """All blocks kept and trained, from a head that is solved on the source's features of the last cut."""

    letters: str = "LP-FT"
    head: HeadKind = "solved_first"

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return one name for all cuts."""
        return "lp_finetune", num_blocks, True

    def trained(self, cut: int, num_blocks: int) -> range:
        """Return every block."""
        return range(num_blocks)


LP_FINETUNE = LpFinetune()
