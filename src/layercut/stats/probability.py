"""How certain the winner is: the fraction of resampled replicates in which each condition is best."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layercut.seeding import derive_seed
from layercut.stats.candidates import distinct
from layercut.stats.design import accuracies_of, context_columns, contexts
from layercut.stats.estimate import estimates
from layercut.stats.interval import NUM_RESAMPLES
from layercut.stats.tables import Results, results_of

_DECIMALS = 12
"""Means equal to this many digits are ties."""


def probability_best(
    table: Results,
    by_strategy: bool = False,
    generator: np.random.Generator | None = None,
    *,
    estimated: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the bootstrap probability that a condition has the highest mean test accuracy at its fraction.

    Whole replicates are drawn with replacement, so pairing is kept; conditions that tie share the draw.
    Only replicates that finished under every condition count (`num_replicates`); a condition without any
    finished trial is left out. With fewer than two replicates nothing is known: NaN. The number describes
    these replicates: it is not a posterior probability, and with few replicates it is overconfident.

    Columns: those of the context; strategy, cut, fraction, cutless, num_blocks, condition; `num_replicates`; `mean`
    over them; `probability`. Probabilities of one context and fraction (and strategy, if `by_strategy`) sum
    to 1; equivalent conditions are one.

    Args:
        table: what `load_results` returns.
        by_strategy: choose among the cuts of each strategy instead of among all conditions.
        generator: draws the replicates; by default one of a fixed seed for each group, so that a number does
            not depend on what else the table holds.
        estimated: `estimates(table)`, where the caller has it.

    Reference:
        Efron & Tibshirani 1993, An introduction to the bootstrap, section 6 (resampling cases).
    """
    table = results_of(table)
    parts = []
    estimated = estimates(table) if estimated is None else estimated
    keys = ["fraction", "strategy"] if by_strategy else ["fraction"]
    accuracies = accuracies_of(table)
    measured = estimated[estimated["num_replicates"] > 0]
    for context, rows in contexts(distinct(measured, [*context_columns(table), *keys])):
        for _, group in rows.groupby(keys, sort=False):
            wide = accuracies[context, float(group["fraction"].iloc[0])][list(group["condition"])].dropna()
            parts.append(_judged(group, wide.to_numpy(dtype=np.float64), generator))
    columns = [*context_columns(table), "strategy", "cut", "fraction", "cutless", "num_blocks", "condition"]
    columns += ["num_replicates", "mean", "probability"]
    found = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    found.attrs = dict(table.attrs)
    return found


def share_of_wins(values: NDArray[np.float64], generator: np.random.Generator | None = None) -> NDArray[np.float64]:
    """Return the share of bootstrap draws of rows in which each column has the highest mean.

    Args:
        values: float64 [replicates, conditions].
        generator: draws the rows.

    Returns:
        float64 [conditions]; sums to 1; NaN for fewer than two rows.
    """
    num_rows, num_columns = values.shape
    if num_rows < 2:
        return np.full(num_columns, np.nan)
    times = _drawn(num_rows) if generator is None else _draws(num_rows, generator)
    means = (times @ values / num_rows).round(_DECIMALS)
    best = means == means.max(axis=1, keepdims=True)
    shares: NDArray[np.float64] = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    return shares


@lru_cache(maxsize=16)
def _drawn(num_rows: int) -> NDArray[np.float64]:
    """Return the draws of the fixed seed, which all groups of so many replicates share."""
    return _draws(num_rows, np.random.default_rng(derive_seed(0, "bootstrap", "best", num_rows)))


def _draws(num_rows: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return how often each row is drawn, float64 [draws, rows]."""
    return generator.multinomial(num_rows, np.full(num_rows, 1 / num_rows), NUM_RESAMPLES).astype(np.float64)


def _judged(
    candidates: pd.DataFrame, values: NDArray[np.float64], generator: np.random.Generator | None
) -> pd.DataFrame:
    """Return the candidates with what their accuracies, one row per replicate, say about being the best."""
    mean = values.mean(axis=0) if len(values) else np.nan
    return candidates.assign(num_replicates=len(values), mean=mean, probability=share_of_wins(values, generator))
