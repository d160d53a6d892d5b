"""Train every bias and the head; all other values stay the source's, running statistics of norms too.

Reference:
    Ben Zaken, Goldberg and Ravfogel 2022, "BitFit"; for convolutional networks Cai et al. 2020, "TinyTL".
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from layercut.strategies.whole import KeepsWhole


@dataclass(frozen=True)
class BiasOnly(KeepsWhole):
    """The same at every cut."""

    letters: str = ""
    how: str = "train only their biases further"

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return one name for all cuts."""
        return "bias_only", num_blocks, True

    def trained(self, cut: int, num_blocks: int) -> range:
        """Return every block: any may have biases."""
        return range(num_blocks)

    def trains(self, layer: nn.Module, parameter: str) -> bool:
        """Return whether it is a bias, as torch calls them: `bias`, and `in_proj_bias` of attention."""
        return parameter == "bias" or parameter.endswith("_bias")


BIAS_ONLY = BiasOnly()
