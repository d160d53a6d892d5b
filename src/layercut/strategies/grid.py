"""The six strategies that transfer: trunk frozen or trained, tail kept, re-initialised or removed.

References:
    Yosinski, Clune, Bengio and Lipson, "How transferable are features in deep neural networks?", NeurIPS 2014:
    AnB is `freeze_reinit`, AnB+ is `reinit`. We differ in that the head is always new.
    "Exploring Layer Freezing in Transfer Learning" (mp-tl-study): letters FR, F, R, FT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from layercut.models.base import CuttableModel
from layercut.strategies.base import Ingredients
from layercut.strategies.primitives import load_blocks, load_hidden, truncate


@dataclass(frozen=True)
class GridStrategy:
    """One of the six; the grid is `frozen` x `tail`."""

    letters: str
    frozen: bool
    tail: Literal["kept", "reinitialised", "removed"]
    transfers: bool = True

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return the first name of this trial; equal answers are equal trials, which a test shows bit by bit."""
        if cut == 0 and self.tail == "removed":
            return "truncate", 0, False
        if cut == 0 and self.tail == "reinitialised":
            return ("reinit", 0, True) if keep_hidden else ("scratch", 0, False)
        trains_everything_kept = not self.frozen and (self.tail == "kept" or cut == num_blocks)
        if trains_everything_kept or cut == 0:
            return "finetune", num_blocks, True
        if cut == num_blocks:
            return "freeze_reinit", num_blocks, True
        return _NAMES[self.frozen, self.tail], cut, True

    def kept(self, cut: int, num_blocks: int) -> range:
        """Return the trunk, and the tail where it is kept."""
        return range(num_blocks if self.tail == "kept" else cut)

    def trained(self, cut: int, num_blocks: int) -> range:
        """Return all that is left, but for a frozen trunk."""
        return range(cut if self.frozen else 0, cut if self.tail == "removed" else num_blocks)

    def removed(self, cut: int, num_blocks: int) -> range:
        """Return the tail where it is removed."""
        return range(cut if self.tail == "removed" else num_blocks, num_blocks)

    def prepare(self, ingredients: Ingredients, cut: int) -> CuttableModel:
        """Load what is kept from the source into the fresh model, then remove the tail where asked."""
        model = ingredients.fresh
        names = model.block_names
        load_blocks(model, ingredients.source, [names[block] for block in self.kept(cut, len(names))])
        truncated = self.tail == "removed" and cut < len(names)
        if truncated:
            return truncate(model, cut, ingredients.new_head(cut))
        if ingredients.keep_hidden:
            load_hidden(model, ingredients.source)
        return model


_NAMES = {
    (True, "reinitialised"): "freeze_reinit",
    (True, "kept"): "freeze",
    (False, "reinitialised"): "reinit",
    (False, "kept"): "finetune",
    (True, "removed"): "freeze_truncate",
    (False, "removed"): "truncate",
}

FREEZE_REINIT = GridStrategy(letters="FR", frozen=True, tail="reinitialised")
FREEZE = GridStrategy(letters="F", frozen=True, tail="kept")
REINIT = GridStrategy(letters="R", frozen=False, tail="reinitialised")
FINETUNE = GridStrategy(letters="", frozen=False, tail="kept")
FREEZE_TRUNCATE = GridStrategy(letters="FT", frozen=True, tail="removed")
TRUNCATE = GridStrategy(letters="T", frozen=False, tail="removed")
