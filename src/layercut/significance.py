"""The p-values that an experiment can reach at all, known from its size before anything is run.

The exact two-sided Wilcoxon signed-rank test of n pairs has 2^n equally likely sign patterns, so no p-value
lies below 2 / 2^n; Holm multiplies the least of m p-values by m.
"""

from __future__ import annotations

ALPHA = 0.05
"""Level below which layercut calls a difference distinguishable."""


def least_attainable_p(num_pairs: int, num_comparisons: int = 1) -> float:
    """Return the least two-sided p-value that `num_pairs` replicates can give after Holm.

    Example:
        >>> least_attainable_p(5)
        0.0625

    Raises:
        ValueError: fewer than 0 pairs or fewer than 1 comparison.
    """
    if num_pairs < 0 or num_comparisons < 1:
        raise ValueError(f"expected 0 or more pairs, 1 or more comparisons; got {num_pairs} and {num_comparisons}")
    return min(1.0, num_comparisons * 2.0 ** (1 - num_pairs))


def replicates_needed(num_comparisons: int, alpha: float = ALPHA) -> int:
    """Return the fewest replicates with which one of `num_comparisons` can fall below `alpha` after Holm.

    Example:
        >>> [replicates_needed(m) for m in (1, 7, 21)]
        [6, 9, 10]

    Raises:
        ValueError: `alpha` is not in (0, 1), or fewer than 1 comparison.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1); got {alpha!r}")
    num_pairs = 1
    while least_attainable_p(num_pairs, num_comparisons) >= alpha:
        num_pairs += 1
    return num_pairs
