"""A linear probe: the source's first blocks, frozen, and a head that is solved, not trained.

Nothing is tuned and nothing is drawn at random but the images: no rate, no epochs, no initial values.

Reference:
    Alain and Bengio, "Understanding intermediate layers using linear classifier probes", ICLR workshop 2017. We differ
    in solving to the minimum, at a strength of the L2 penalty that held-out images choose (`training/solved.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from layercut.models.base import CuttableModel
from layercut.strategies.base import Ingredients
from layercut.strategies.primitives import load_blocks, load_hidden, truncate
from layercut.strategies.treatment import HeadKind


@dataclass(frozen=True)
class LinearProbe:
    """Trunk frozen, tail removed, head solved."""

    letters: str = "LP"
    transfers: bool = True
    head: HeadKind = "solved"

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return the cut's own name; on the pixels alone the source does not matter."""
        return "linear_probe", cut, cut > 0

    def kept(self, cut: int, num_blocks: int) -> range:
        """Return the trunk."""
        return range(cut)

    def trained(self, cut: int, num_blocks: int) -> range:
        """Return no block."""
        return range(0)

    def removed(self, cut: int, num_blocks: int) -> range:
        """Return the tail."""
        return range(cut, num_blocks)

    def prepare(self, ingredients: Ingredients, cut: int) -> CuttableModel:
        """Load the trunk and remove the tail; the head's own hidden layers are kept where asked and possible."""
        model = ingredients.fresh
        load_blocks(model, ingredients.source, model.block_names[:cut])
        if cut < len(model.block_names):
            return truncate(model, cut, ingredients.new_head(cut))
        if ingredients.keep_hidden:
            load_hidden(model, ingredients.source)
        return model


LINEAR_PROBE = LinearProbe()
