"""Paired differences between conditions: the same replicate sees the same images under both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from layercut.significance import ALPHA
from layercut.stats.design import POINT, SCRATCH, context_columns, finished
from layercut.stats.signed_rank import signed_rank_interval, signed_rank_test
from layercut.stats.tables import Results, results_of


class Contrast(NamedTuple):
    """Mean paired difference between two conditions, in the unit of the values (accuracies: 0..1)."""

    num_pairs: int
    mean_difference: float
    low: float
    """Bounds of the 95 % interval that goes with the p-value: the same test inverted, adjusted for the same family."""
    high: float
    p: float
    effect: float


def contrasts_of(differences: Sequence[NDArray[np.float64]]) -> list[Contrast]:
    """Return the contrast of each array of paired differences, as a comparison by itself."""
    bounds = [signed_rank_interval(sample, ALPHA) for sample in differences]
    means = [float(np.mean(sample)) if len(sample) else float("nan") for sample in differences]
    return [
        Contrast(len(sample), mean, low, high, *signed_rank_test(sample))
        for sample, mean, (low, high) in zip(differences, means, bounds, strict=True)
    ]


def paired_contrast(values: ArrayLike, baseline: ArrayLike) -> Contrast:
    """Return the contrast of two equally long rows of values, paired by position.

    Raises:
        ValueError: the lengths differ.
    """
    values, baseline = np.asarray(values, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if values.shape != baseline.shape:
        raise ValueError(f"expected one baseline for each value; got {values.shape} and {baseline.shape}")
    return contrasts_of([values - baseline])[0]


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


def contrasts_to_scratch(table: Results) -> pd.DataFrame:
    """Return the contrast in test accuracy of each condition with scratch, one row per condition name.

    Columns: those of the context; strategy, cut, fraction; `cutless`; the fields of `Contrast`; `p_holm`;
    `num_comparisons`. The family for Holm is what is printed together: all conditions of one strategy at one
    fraction, equivalent ones counted once. A condition that *is* scratch (cut 0 of freeze_reinit) is no
    comparison: its difference is 0, and both p-values are NaN.
    """
    table = results_of(table)
    done = finished(table)
    columns = context_columns(done)
    family = [*columns, "strategy", "fraction"]
    names = [*columns, *POINT]
    scratch = done[done["strategy"] == SCRATCH].drop_duplicates([*columns, "fraction", "replicate"])  # of any cut
    scratch = scratch[[*columns, "fraction", "replicate", "condition", "score"]]
    pairs = done[done["strategy"] != SCRATCH].merge(
        scratch, on=[*columns, "fraction", "replicate"], suffixes=("", "_scratch")
    )
    pairs["difference"] = pairs["score"] - pairs["score_scratch"]
    groups = pairs.groupby(names, sort=False, dropna=False)
    first = {name: (name, "first") for name in ("cutless", "condition", "condition_scratch")}
    rows = groups.agg(**first).reset_index()
    differences = [group.to_numpy(dtype=np.float64) for _, group in groups["difference"]]
    rows = rows.join(pd.DataFrame(contrasts_of(differences), columns=list(Contrast._fields)))
    same = rows["condition"] == rows.pop("condition_scratch")
    rows.loc[same, "p"] = np.nan
    adjust_families(rows, family, differences=differences)
    rows.attrs = dict(table.attrs)
    return rows


def adjust_families(
    rows: pd.DataFrame,
    family: Sequence[str],
    identity: Sequence[str] = ("condition",),
    differences: Sequence[NDArray[np.float64] | None] | None = None,
) -> None:
    """Add `p_holm` and `num_comparisons`: Holm over the rows that agree in `family`, all where it is empty.

    Rows that agree in `identity` too are one comparison under several names and count once; rows whose `p` is
    NaN are no comparison. With `differences`, `low` and `high` become the interval that goes with `p_holm`: the test
    inverted at the level that Holm's step left it, so it excludes 0 exactly where `p_holm` is below 0.05. A row
    without differences, or that is no comparison, keeps its own.

    Reference:
        Holm 1979. Intervals of a stepwise procedure that agree with its tests: Strassburger and Bretz 2008, Stat.
        Med. 27. We invert each test at its step's level, and do not claim that all intervals hold together where
        some comparison is rejected.
    """
    names = rows.groupby(list(identity), sort=False, dropna=False).ngroup().to_numpy()
    families = rows.groupby(list(family), sort=False, dropna=False).ngroup().to_numpy() if family else 0 * names
    p_values, p_holm = rows["p"].to_numpy(dtype=np.float64), np.full(len(rows), np.nan)
    num_comparisons = np.zeros(len(rows), dtype=np.int64)
    order = np.argsort(families, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(families[order])) + 1):
        _, once, place = np.unique(names[members], return_index=True, return_inverse=True)
        distinct = p_values[members][once]
        p_holm[members] = holm(distinct)[place]
        num_comparisons[members] = np.isfinite(distinct).sum()
    rows["p_holm"], rows["num_comparisons"] = p_holm, num_comparisons
    if differences is not None:
        bounds = rows[["low", "high"]].to_numpy(dtype=np.float64, copy=True)
        for row, (values, p, adjusted, number) in enumerate(
            zip(differences, p_values, p_holm, num_comparisons, strict=True)
        ):
            if values is not None and np.isfinite(adjusted):
                bounds[row] = signed_rank_interval(values, ALPHA * max(p / adjusted, 1 / number))
        rows[["low", "high"]] = bounds
