"""Shared by strategies that keep the whole model and differ in what they train, and how."""

from __future__ import annotations

from dataclasses import dataclass

from layercut.models.base import CuttableModel
from layercut.strategies.base import Ingredients
from layercut.strategies.primitives import load_blocks, load_hidden
from layercut.strategies.wording import FURTHER


class KeepsWhole:
    """Every block comes from the source, none is removed; the head is new."""

    transfers: bool = True

    def kept(self, cut: int, num_blocks: int) -> range:
        """Return every block."""
        return range(num_blocks)

    def removed(self, cut: int, num_blocks: int) -> range:
        """Return no block."""
        return range(0)

    def prepare(self, ingredients: Ingredients, cut: int) -> CuttableModel:
        """Return the source's blocks under a new head."""
        model = ingredients.fresh
        load_blocks(model, ingredients.source, model.block_names)
        if ingredients.keep_hidden:
            load_hidden(model, ingredients.source)
        return model


@dataclass(frozen=True)
class TrainsWhole(KeepsWhole):
    """Something in every block is trained, at every cut alike."""

    name: str
    how: str = FURTHER
    letters: str = ""

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return one name for all cuts."""
        return self.name, num_blocks, True

    def trained(self, cut: int, num_blocks: int) -> range:
        """Return every block."""
        return range(num_blocks)
