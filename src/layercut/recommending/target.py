"""An accuracy to reach: when it is shown, although what is to show it was chosen as the best of many."""

from __future__ import annotations

import math

from scipy.stats import binomtest

from layercut.errors import UserError
from layercut.metrics import ACCURACY, Metric
from layercut.significance import ALPHA

_HAIR = 1e-9
"""A mean over replicates may be a hair below a whole number of images."""


def shown_accuracy(accuracy: float, num_images: int, num_arms: int) -> float:
    """Return the accuracy in 0..1 that an arm is shown to have, whichever of so many arms it is, and whenever.

    The lower end of the exact one-sided binomial interval at a level of 5 % shared equally among all arms that could
    have been chosen, tried or not. So it may be looked at after each training, for the arm that leads at the moment:
    the probability that any of these looks ever says too much is at most 5 % (Bonferroni), over the labelled images.
    Of replicates the mean counts, which scatters less than one of them. 0 where no image was held out.

    Reference:
        Clopper and Pearson 1934, Biometrika 26. We differ in one side, and in the level.

    Example:
        >>> round(shown_accuracy(1.0, 100, 1), 3)  # 0.05 ** (1 / 100)
        0.97
    """
    if math.isnan(accuracy) or not num_images:
        return 0.0
    right = math.floor(accuracy * num_images + _HAIR)
    found = binomtest(right, num_images, alternative="greater").proportion_ci(1 - ALPHA / num_arms, method="exact")
    return float(found.low)


def check_target(target_accuracy: float | None, metric: Metric = ACCURACY) -> None:
    """Refuse what is no accuracy, and what cannot be shown.

    Raises:
        UserError: it is not between 0 and 1, or the choice is by another metric.
    """
    if target_accuracy is not None and metric != ACCURACY:
        raise UserError(
            f"--target-accuracy beside --metric {metric}: expected a choice by accuracy, of which the bound that shows "
            "it is known exactly; leave one of the two out"
        )
    if target_accuracy is not None and not 0 < target_accuracy < 1:
        raise UserError(
            f"--target-accuracy {target_accuracy:g}: expected a number between 0 and 1, such as 0.95 for 95 %"
        )
