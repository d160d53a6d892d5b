"""Fine-tune everything, drawn back to the source's values by a penalty of `pull` / 2 times the squared distance.

Reference:
    Li, Grandvalet and Davoine 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks". We
    differ in that new layers have the study's own `weight_decay` instead of a penalty of the method's, and in that
    the pull is added to the gradient behind any clipping, as weight decay is.
"""

from __future__ import annotations

from dataclasses import dataclass

from layercut.strategies.whole import KeepsWhole


@dataclass(frozen=True)
class L2SP(KeepsWhole):
    """The same at every cut."""

    letters: str = ""
    how: str = "train them further, drawn back to the source's values"
    pulled: bool = True

    def canonical(self, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        """Return one name for all cuts."""
        return "l2_sp", num_blocks, True

    def trained(self, cut: int, num_blocks: int) -> range:
        """Return every block."""
        return range(num_blocks)


L2_SP = L2SP()
