"""Train scale and shift of the norms, and the head; all other values stay the source's.

Where both are trained, running statistics follow the target's images, too.

Reference:
    Frankle, Schwab and Morcos 2021, "Training BatchNorm and only BatchNorm". We differ in that the other values are
    the source's, not random, and in that the head is trained.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from layercut.strategies.whole import KeepsWhole

_NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


@dataclass(frozen=True)
class NormOnly(KeepsWhole):
    """The same at every cut."""

    letters: str = ""
    how: str = "train only their norms further"

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return one name for all cuts."""
        return "norm_only", num_blocks, True

    def trained(self, cut: int, num_blocks: int) -> range:
        """Return every block: any may have norms."""
        return range(num_blocks)

    def trains(self, layer: nn.Module, parameter: str) -> bool:
        """Return whether the layer is a norm: batch, instance, layer, group or root mean square."""
        return isinstance(layer, _NORMS)


NORM_ONLY = NormOnly()
