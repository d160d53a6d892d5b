"""The baseline: nothing is transferred."""

from __future__ import annotations

from dataclasses import dataclass

from layercut.models.base import CuttableModel
from layercut.strategies.base import Ingredients


@dataclass(frozen=True)
class Scratch:
    """A whole new model, trained on the target alone."""

    letters: str = "baseline"
    transfers: bool = False

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return one name for all cuts."""
        return "scratch", 0, False

    def kept(self, cut: int, num_blocks: int) -> range:
        """Return no block."""
        return range(0)

    def trained(self, cut: int, num_blocks: int) -> range:
        """Return every block."""
        return range(num_blocks)

    def removed(self, cut: int, num_blocks: int) -> range:
        """Return no block."""
        return range(0)

    def prepare(self, ingredients: Ingredients, cut: int) -> CuttableModel:
        """Return the fresh model."""
        return ingredients.fresh


SCRATCH = Scratch()
