"""Strategies as another package would bring them, under names that say nothing, or the wrong thing."""

from __future__ import annotations

from dataclasses import dataclass

from layercut.registry import Entry
from layercut.strategies import STRATEGIES
from layercut.strategies.base import Strategy
from layercut.strategies.primitives import load_blocks


@dataclass(frozen=True)
class Renamed:
    """One of ours under another name; equal to nothing, so that each cut is a trial of its own."""

    name: str
    ours: Strategy
    letters: str = ""
    transfers: bool = True

    def canonical(self, cut, num_blocks, keep_hidden):
        return self.name, cut, True

    def kept(self, cut, num_blocks):
        return self.ours.kept(cut, num_blocks)

    def trained(self, cut, num_blocks):
        return self.ours.trained(cut, num_blocks)

    def removed(self, cut, num_blocks):
        return self.ours.removed(cut, num_blocks)

    def prepare(self, ingredients, cut):
        return self.ours.prepare(ingredients, cut)


@dataclass(frozen=True)
class Every:
    """Every other block is trained, from block `first` on; all are the source's."""

    name: str
    first: int
    letters: str = ""
    transfers: bool = True

    def canonical(self, cut, num_blocks, keep_hidden):
        return self.name, 0, True

    def kept(self, cut, num_blocks):
        return set(range(num_blocks))

    def trained(self, cut, num_blocks):
        return set(range(self.first, num_blocks, 2))

    def removed(self, cut, num_blocks):
        return ()

    def prepare(self, ingredients, cut):
        load_blocks(ingredients.fresh, ingredients.source, ingredients.fresh.block_names)
        return ingredients.fresh


SHORTER = Renamed("shorter", STRATEGIES["truncate"])
UNTRUNCATED = Renamed("untruncated", STRATEGIES["finetune"])
STILL = Renamed("still", STRATEGIES["freeze_truncate"])
EVENS = Every("evens", 0)
ODDS = Every("odds", 1)

TABLE = {
    name: Entry(f"support.foreign_strategies:{name.upper()}", "of another package")
    for name in ("shorter", "untruncated", "still", "evens", "odds")
}
