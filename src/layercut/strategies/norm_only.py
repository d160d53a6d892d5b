"""Train scale and shift of the norms, and the head; all other values stay the source's.

Where both are trained, running statistics follow the target's images, too.

Reference:
    Frankle, Schwab and Morcos 2021, "Training BatchNorm and only BatchNorm". We differ in that the other values are
    the source's, not random, and in that the head is trained.
"""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from layercut.strategies.whole import TrainsWhole

_NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


class NormOnly(TrainsWhole):
    """Of each block its norms are trained."""

    def trains(self, layer: nn.Module, parameter: str) -> bool:
        """Return whether the layer is a norm: batch, instance, layer, group or root mean square."""
        return isinstance(layer, _NORMS)


NORM_ONLY = NormOnly("norm_only", "train only their norms further")
