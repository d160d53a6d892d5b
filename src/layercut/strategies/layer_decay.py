"""Fine-tune everything, each block at `layer_decay` times the rate of the block above it, the head at the whole rate.

Reference:
    Clark et al. 2020, "ELECTRA", as Bao et al. 2022, "BEiT", and timm use it. Their layers are ours counted in blocks.
"""

from __future__ import annotations

from layercut.strategies.whole import TrainsWhole


class LayerDecay(TrainsWhole):
    """Every block learns more slowly than the one above it."""

    def rate(self, block: int, num_blocks: int, decay: float) -> float:
        """Return the factor: `decay` for the last block, its square for the one below, and so on."""
        return float(decay ** (num_blocks - block))


LAYER_DECAY = LayerDecay("layer_decay", "train them further, each slower than the one above it")
