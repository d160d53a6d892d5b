"""Fine-tune everything, each block at `layer_decay` times the rate of the block above it, the head at the whole rate.

Reference:
    Clark et al. 2020, "ELECTRA", as Bao et al. 2022, "BEiT", and timm use it. Their layers are ours counted in blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

from layercut.strategies.whole import KeepsWhole


@dataclass(frozen=True)
class LayerDecay(KeepsWhole):
    """The same at every cut."""

    letters: str = ""
    how: str = "train them further, each slower than the one above it"

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return one name for all cuts; with one block and a new head it is fine-tuning at another rate for it."""
        return "layer_decay", num_blocks, True

    def trained(self, cut: int, num_blocks: int) -> range:
        """Return every block."""
        return range(num_blocks)

    def rate(self, block: int, num_blocks: int, decay: float) -> float:
        """Return the factor: `decay` for the last block, its square for the one below, and so on."""
        return float(decay ** (num_blocks - block))


LAYER_DECAY = LayerDecay()
