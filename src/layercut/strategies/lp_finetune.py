"""A linear probe first, then everything is trained: training that starts from a random head distorts good features.

Reference:
    Kumar, Raghunathan, Jones, Ma and Liang, "Fine-Tuning can Distort Pretrained Features and Underperform
    Out-of-Distribution", ICLR 2022: LP-FT. We differ in solving the head to its minimum (`training/solved.py`), where
    they take the best of a few probes that were trained.
"""

from __future__ import annotations

from dataclasses import dataclass

from layercut.models.base import CuttableModel
from layercut.strategies.base import HeadKind, Ingredients
from layercut.strategies.primitives import load_blocks, load_hidden


@dataclass(frozen=True)
class LpFinetune:
    """All blocks kept and trained, from a head that is solved on the source's features of the last cut."""

    letters: str = "LP-FT"
    transfers: bool = True
    head: HeadKind = "solved_first"

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return one name for all cuts."""
        return "lp_finetune", num_blocks, True

    def kept(self, cut: int, num_blocks: int) -> range:
        """Return every block."""
        return range(num_blocks)

    def trained(self, cut: int, num_blocks: int) -> range:
        """Return every block."""
        return range(num_blocks)

    def removed(self, cut: int, num_blocks: int) -> range:
        """Return no block."""
        return range(0)

    def prepare(self, ingredients: Ingredients, cut: int) -> CuttableModel:
        """Load all blocks; the head is solved on what they give."""
        model = ingredients.fresh
        load_blocks(model, ingredients.source, model.block_names)
        if ingredients.keep_hidden:
            load_hidden(model, ingredients.source)
        return model


LP_FINETUNE = LpFinetune()
