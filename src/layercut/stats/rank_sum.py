"""The exact Mann-Whitney (Wilcoxon rank-sum) test, for values that are not paired by replicate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import mannwhitneyu, rankdata

MAX_EXACT_VALUES = 100
"""With more values in both samples together the normal approximation is used, which is then as good."""

_DECIMALS = 12
"""Values equal to this many digits are ties, as in the paired test."""


class RankSumTest(NamedTuple):
    """A two-sided Mann-Whitney test."""

    p: float
    effect: float
    """Rank-biserial correlation (Cliff's delta), -1..1: +1 where every value is above every baseline."""


def rank_sum_test(values: ArrayLike, baseline: ArrayLike) -> RankSumTest:
    """Test whether two independent samples come from one distribution, and say which tends to be larger.

    Exact: the p-value is twice the share of the ways to deal the pooled (mean) ranks into two samples of
    these sizes whose rank sum is at least as extreme, so ties need no approximation. Where all values are
    equal p is 1 and the effect 0; where a sample is empty both are NaN.

    Reference:
        Mann & Whitney 1947, Ann. Math. Stat. 18; with ties the conditional distribution of Lehmann 1975,
        Nonparametrics, section 1.4; effect: Cliff 1993, Psychological Bulletin 114.

    Example:
        >>> rank_sum_test([0.4, 0.5, 0.6], [0.1, 0.2, 0.3])
        RankSumTest(p=0.1, effect=1.0)
    """
    first, second = (np.round(np.asarray(sample, dtype=np.float64), _DECIMALS) for sample in (values, baseline))
    if first.size == 0 or second.size == 0:
        return RankSumTest(np.nan, np.nan)
    ranks = rankdata(np.concatenate([first, second]))
    rank_sum = float(ranks[: first.size].sum())
    wins = rank_sum - first.size * (first.size + 1) / 2  # U: pairs won, ties half
    effect = float(2 * wins / (first.size * second.size) - 1)
    if np.ptp(ranks) == 0:
        return RankSumTest(1.0, 0.0)
    if ranks.size > MAX_EXACT_VALUES:
        return RankSumTest(float(mannwhitneyu(first, second, method="asymptotic").pvalue), effect)
    return RankSumTest(_exact_p(ranks, first.size, rank_sum), effect)


def _exact_p(ranks: NDArray[np.float64], size: int, rank_sum: float) -> float:
    """Return the two-sided p-value of the rank sum of a sample of `size` out of all (mean) ranks."""
    doubled = np.round(2 * ranks).astype(int)
    ways = np.zeros((size + 1, int(np.sort(doubled)[-size:].sum()) + 1))  # [values dealt, their doubled rank sum]
    ways[0, 0] = 1.0
    for rank in doubled:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    shares = ways[size] / ways[size].sum()
    found = round(2 * rank_sum)
    return float(min(1.0, 2 * min(shares[: found + 1].sum(), shares[found:].sum())))
