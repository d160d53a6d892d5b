"""How well scores rank accuracies, and what choosing by them costs.

Scores and accuracies are float64 "k": one of each candidate; higher scores promise higher accuracies. Rows of
resamples are "b k".
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata

MAX_EXACT_CANDIDATES = 7
"""Up to so many candidates all orders are tried: 5,040."""

NUM_PERMUTATIONS = 9_999
_DECIMALS = 12
_BLOCK_NUMBERS = 2**21

Array = NDArray[np.float64]


class Agreement(NamedTuple):
    """Three rank correlations, -1..1; NaN where scores or accuracies are all equal."""

    spearman: Array
    kendall: Array
    """tau-b"""
    weighted_tau: Array
    """Errors among the best count most: hyperbolic weights, as `scipy.stats.weightedtau`."""


def agreement(scores: ArrayLike, accuracies: ArrayLike) -> Agreement:
    """Return the rank correlations of each row, float64 "b".

    Reference:
        Vigna 2015, A weighted correlation index for rankings with ties, WWW.
    """
    x, y = (np.atleast_2d(np.asarray(values, dtype=np.float64).round(_DECIMALS)) for values in (scores, accuracies))
    block = max(1, _BLOCK_NUMBERS // x.shape[1] ** 2)
    parts = [_agreement(x[at : at + block], y[at : at + block]) for at in range(0, len(x), block)]
    return Agreement(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def permutation_p(scores: Array, accuracies: Array, generator: np.random.Generator) -> float:
    """Return the two-sided p-value of Spearman's correlation under random permutation of the scores.

    Exact up to seven candidates; else from 9,999 random orders, and never 0. NaN where the correlation is.
    """
    found = agreement(scores, accuracies).spearman[0]
    if math.isnan(found):
        return math.nan
    exact = len(scores) <= MAX_EXACT_CANDIDATES
    if exact:
        orders = np.array(list(itertools.permutations(range(len(scores)))))
    else:
        orders = generator.permuted(np.tile(np.arange(len(scores)), (NUM_PERMUTATIONS, 1)), axis=1)
    x, y = rankdata(scores.round(_DECIMALS)), rankdata(accuracies.round(_DECIMALS))
    drawn = _correlation(x[orders], np.broadcast_to(y, orders.shape))
    as_far = int((np.abs(drawn) >= abs(found) - 1e-9).sum())
    return as_far / len(orders) if exact else (as_far + 1) / (len(orders) + 1)


def fisher_interval(correlation: float, num_candidates: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a rank correlation from Fisher's transformation; NaN below four candidates.

    Candidates are taken for independent draws, which cuts of one model are not: too narrow, as in the literature.
    """
    if num_candidates < 4 or math.isnan(correlation):
        return math.nan, math.nan
    if abs(correlation) >= 1 - 1e-12:
        return correlation, correlation
    half = float(norm.ppf((1 + confidence) / 2)) / math.sqrt(num_candidates - 3)
    return math.tanh(math.atanh(correlation) - half), math.tanh(math.atanh(correlation) + half)


def chosen_by(scores: Array) -> NDArray[np.bool_]:
    """Return which candidates have the highest score of their row, Bool "b k"; several where they tie."""
    rounded = np.atleast_2d(scores).round(_DECIMALS)
    best: NDArray[np.bool_] = rounded == rounded.max(axis=1, keepdims=True)
    return best


def regret(chosen: NDArray[np.bool_], accuracies: Array, best: Array) -> Array:
    """Return what each row's choice loses against the `best` accuracy, float64 "b", in the unit of accuracies.

    Among several chosen candidates one is taken at random: their mean counts.
    """
    taken = np.where(chosen, accuracies, 0).sum(axis=1) / chosen.sum(axis=1)
    lost: Array = best - taken
    return lost


def _agreement(x: Array, y: Array) -> Agreement:
    spearman = _correlation(rankdata(x, axis=1), rankdata(y, axis=1))
    signs = [np.sign(values[:, :, None] - values[:, None, :]) for values in (x, y)]
    kendall = _weighted(signs, np.ones_like(signs[0]))
    both = [_weighted(signs, _weights(*pair)) for pair in ((x, y), (y, x))]
    return Agreement(spearman, kendall, (both[0] + both[1]) / 2)


def _weights(first: Array, second: Array) -> Array:
    """Return the weight of each pair, 1 / rank + 1 / rank, ranks from the highest value of `first` on."""
    ascending = np.lexsort((second, first), axis=1)
    ranks = np.empty_like(ascending)
    np.put_along_axis(ranks, ascending[:, ::-1], np.arange(first.shape[1])[None, :], axis=1)
    each = 1 / (1.0 + ranks)
    return each[:, :, None] + each[:, None, :]


def _weighted(signs: list[Array], weights: Array) -> Array:
    products = [(weights * a * b).sum(axis=(1, 2)) for a, b in ((signs[0], signs[1]), *zip(signs, signs, strict=True))]
    norms = np.sqrt(products[1] * products[2])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(norms > 0, np.clip(products[0] / norms, -1, 1), np.nan)


def _correlation(x: Array, y: Array) -> Array:
    x, y = (values - values.mean(axis=1, keepdims=True) for values in (x, y))
    norms = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(norms > 1e-12, np.clip((x * y).sum(axis=1) / norms, -1, 1), np.nan)
