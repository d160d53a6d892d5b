"""Paired differences between conditions: the same replicate sees the same images under both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata, wilcoxon

from layercut.stats.design import POINT, SCRATCH, context_columns, finished
from layercut.stats.interval import mean_intervals

MAX_EXACT_PAIRS = 100
"""Above this many pairs the normal approximation is used, which is then as good."""

_DECIMALS = 12
"""Accuracies are multiples of 1 / number of images: differences equal to this many digits are ties."""


class SignedRankTest(NamedTuple):
    """A two-sided Wilcoxon signed-rank test."""

    p: float
    effect: float
    """Matched-pairs rank-biserial correlation, -1..1: +1 where every pair is better, 0 where none differs."""


class Contrast(NamedTuple):
    """Mean paired difference between two conditions, in the unit of the values (accuracies: 0..1)."""

    num_pairs: int
    mean_difference: float
    low: float
    high: float
    p: float
    effect: float


def signed_rank_test(differences: ArrayLike) -> SignedRankTest:
    """Test whether paired differences are symmetric about zero, and say how one-sided they are.

    Exact: the p-value is the share of the 2^n sign patterns that are at least as extreme, conditional on the
    ranks found, so ties (mean ranks) need no approximation. Zeros are ranked with the others and then left
    out of both sums (Pratt 1959); where all are zero p is 1 and the effect 0; without any pair both are NaN.

    Reference:
        Wilcoxon 1945; Pratt 1959, J. Am. Stat. Assoc. 54; effect: Kerby 2014, Comprehensive Psychology 3,
        whose simple difference formula we apply to the ranks that Pratt's rule leaves.
    """
    values = np.round(np.asarray(differences, dtype=np.float64), _DECIMALS)
    if values.size == 0:
        return SignedRankTest(np.nan, np.nan)
    ranks = rankdata(np.abs(values))[values != 0]
    positive = ranks[values[values != 0] > 0].sum()
    if ranks.size == 0:
        return SignedRankTest(1.0, 0.0)
    effect = float(2 * positive / ranks.sum() - 1)
    if values.size > MAX_EXACT_PAIRS:
        return SignedRankTest(float(wilcoxon(values, zero_method="pratt", method="asymptotic").pvalue), effect)
    return SignedRankTest(_exact_p(ranks, positive), effect)


def paired_contrast(values: ArrayLike, baseline: ArrayLike) -> Contrast:
    """Return the contrast of two equally long rows of values, paired by position.

    Raises:
        ValueError: the lengths differ.
    """
    values, baseline = np.asarray(values, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if values.shape != baseline.shape:
        raise ValueError(f"expected one baseline for each value; got {values.shape} and {baseline.shape}")
    return _contrasts([values - baseline])[0]


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return Holm's adjusted p-values of one family; NaN stays NaN and does not count.

    Reference:
        Holm 1979, Scand. J. Statist. 6.
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p_values.shape, np.nan)
    order = np.argsort(p_values, kind="stable")[: np.isfinite(p_values).sum()]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(order) else steps
    return adjusted


def contrasts_to_scratch(table: pd.DataFrame) -> pd.DataFrame:
    """Return the contrast in test accuracy of each condition with scratch, a row a condition name.

    Columns: those of the context; strategy, cut, fraction; the fields of `Contrast`; `p_holm`;
    `num_comparisons`. The family for Holm is what is printed together: all conditions of one strategy at one
    fraction, equivalent ones counted once. A condition that *is* scratch (cut 0 of freeze_reinit) is no
    comparison: its difference is 0, and both p-values are NaN.
    """
    done = finished(table)
    columns = context_columns(table)
    family = [*columns, "strategy", "fraction"]
    names = [*columns, *POINT]
    scratch = done[done["strategy"] == SCRATCH].drop_duplicates([*columns, "fraction", "replicate"])
    scratch = scratch[[*columns, "fraction", "replicate", "condition", "test_accuracy"]]
    pairs = done[done["strategy"] != SCRATCH].merge(
        scratch, on=[*columns, "fraction", "replicate"], suffixes=("", "_scratch")
    )
    pairs["difference"] = pairs["test_accuracy"] - pairs["test_accuracy_scratch"]
    groups = pairs.groupby(names, sort=False, dropna=False)
    rows = groups.agg(condition=("condition", "first"), condition_scratch=("condition_scratch", "first")).reset_index()
    differences = [group.to_numpy(dtype=np.float64) for _, group in groups["difference"]]
    rows = rows.join(pd.DataFrame(_contrasts(differences), columns=list(Contrast._fields)))
    same = rows["condition"] == rows.pop("condition_scratch")
    rows.loc[same, "p"] = np.nan
    rows["p_holm"], rows["num_comparisons"] = np.nan, 0
    for _, members in rows.groupby(family, sort=False, dropna=False):
        distinct = members.drop_duplicates("condition")
        adjusted = dict(zip(distinct["condition"], holm(distinct["p"]), strict=True))
        rows.loc[members.index, "p_holm"] = members["condition"].map(adjusted)
        rows.loc[members.index, "num_comparisons"] = int(distinct["p"].notna().sum())
    rows.attrs = dict(table.attrs)
    return rows


def _contrasts(differences: list[NDArray[np.float64]]) -> list[Contrast]:
    bounds = mean_intervals(differences)
    means = [float(np.mean(sample)) if len(sample) else float("nan") for sample in differences]
    return [
        Contrast(len(sample), mean, float(low), float(high), *signed_rank_test(sample))
        for sample, mean, (low, high) in zip(differences, means, bounds, strict=True)
    ]


def _exact_p(ranks: NDArray[np.float64], positive: float) -> float:
    """Return the two-sided p-value of a sum of positive ranks, given all (mean) ranks."""
    doubled = np.round(2 * ranks).astype(int)
    ways = np.zeros(doubled.sum() + 1)
    ways[0] = 1.0
    for rank in doubled:
        ways[rank:] += ways[:-rank].copy()
    lower = min(round(2 * positive), len(ways) - 1 - round(2 * positive))
    return float(min(1.0, 2 * ways[: lower + 1].sum() / 2.0 ** len(ranks)))
