"""The control of `truncate`: the same smaller network without the source's values.

What truncation gains over `scratch` is part smaller network, part transfer; this tells the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from layercut.models.base import CuttableModel
from layercut.strategies.base import Ingredients
from layercut.strategies.primitives import truncate


@dataclass(frozen=True)
class ScratchTruncate:
    """A new model of the first blocks alone, trained on the target alone."""

    letters: str = "T0"
    transfers: bool = False

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return the first name: with all blocks it is scratch, without any there is nothing that could be kept."""
        if cut == num_blocks:
            return "scratch", 0, False
        return ("truncate", 0, False) if cut == 0 else ("scratch_truncate", cut, False)

    def kept(self, cut: int, num_blocks: int) -> range:
        """Return no block."""
        return range(0)

    def trained(self, cut: int, num_blocks: int) -> range:
        """Return what is left."""
        return range(cut)

    def removed(self, cut: int, num_blocks: int) -> range:
        """Return the tail."""
        return range(cut, num_blocks)

    def prepare(self, ingredients: Ingredients, cut: int) -> CuttableModel:
        """Return the fresh model's first blocks and a new head on them; the fresh model itself where it is whole."""
        model = ingredients.fresh
        return model if cut == len(model.block_names) else truncate(model, cut, ingredients.new_head(cut))


SCRATCH_TRUNCATE = ScratchTruncate()
