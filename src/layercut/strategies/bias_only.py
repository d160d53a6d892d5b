"""Train every bias and the head; all other values stay the source's, running statistics of norms too.

Reference:
    Ben Zaken, Goldberg and Ravfogel 2022, "BitFit"; for convolutional networks Cai et al. 2020, "TinyTL".
"""

from __future__ import annotations

from torch import nn

from layercut.strategies.whole import TrainsWhole


class BiasOnly(TrainsWhole):
    """Of each block its biases are trained."""

    def trains(self, layer: nn.Module, parameter: str) -> bool:
        """Return whether it is a bias, as torch calls them: `bias`, and `in_proj_bias` of attention."""
        return parameter == "bias" or parameter.endswith("_bias")


BIAS_ONLY = BiasOnly("bias_only", "train only their biases further")
