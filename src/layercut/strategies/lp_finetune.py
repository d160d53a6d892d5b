"""A linear probe first, then everything is trained: training that starts from a random head distorts good features.

Reference:
    Kumar, Raghunathan, Jones, Ma and Liang, "Fine-Tuning can Distort Pretrained Features and Underperform
    Out-of-Distribution", ICLR 2022: LP-FT. We differ in solving the head to its minimum (`training/solved.py`), where
    they take the best of a few probes that were trained.
"""

from __future__ import annotations

from typing import ClassVar

from layercut.strategies.treatment import HeadKind
from layercut.strategies.whole import TrainsWhole


class LpFinetune(TrainsWhole):
    """From a head that is solved on the source's features of the last cut."""

    head: ClassVar[HeadKind] = "solved_first"


LP_FINETUNE = LpFinetune("lp_finetune", letters="LP-FT")
