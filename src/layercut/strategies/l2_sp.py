"""Fine-tune everything, drawn back to the source's values by a penalty of `pull` / 2 times the squared distance.

Reference:
    Li, Grandvalet and Davoine 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks". We
    differ in that new layers have the study's own `weight_decay` instead of a penalty of the method's, and in that
    the pull is added to the gradient behind any clipping, as weight decay is.
"""

from __future__ import annotations

from typing import ClassVar

from layercut.strategies.whole import TrainsWhole


class L2SP(TrainsWhole):
    """What is kept is drawn back to the source's values."""

    pulled: ClassVar[bool] = True


L2_SP = L2SP("l2_sp", "train them further, drawn back to the source's values")
