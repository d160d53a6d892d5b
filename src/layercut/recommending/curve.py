"""What trials so far say of every arm: a Gaussian process over depth, strategy and learning rate.

An arm's score is a smooth function of the share of blocks that it leaves, the share that it freezes and the logarithm
of its rate; two strategies at one place have half of it in common. Before anything is trained, a trained arm is
expected where the solved head on as many blocks is. A trial sees the score with noise, of which half is its
replicate's: trials of one replicate share their folds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from layercut.recommending.arms import Arm, Seen

MOST_REPLICATES = 3
"""Of an arm."""

LEAST_SPREAD = 0.03
"""Standard deviation of scores around what is expected of them, before they tell more."""

_LENGTH = 0.3
"""Of the smoothness over shares of blocks."""
_DECADES = 0.5
"""Of the smoothness over the rate."""
_IN_COMMON = 0.5
"""Of two strategies."""
_OF_MODELS = 0.3
"""The same of two models at one relative depth."""
_RESPLIT = 0.5
"""Other folds and initial values change an accuracy by so much of what other images would."""


class Posterior(NamedTuple):
    """Beliefs about the scores of all arms, and of the shift of each replicate behind them."""

    mean: NDArray[np.float64]
    """Float64 "arms"."""
    covariance: NDArray[np.float64]
    """Float64 "latent latent": arms, then replicates."""
    noise: float
    """Variance of one trial's own noise."""


def score(accuracy: float, loss: float | None, num_images: int) -> float:
    """Return accuracy, with log loss as tie-break: all of it weighs less than one image.

    The likelihood of the right class, averaged geometrically over images, is what is added.

    Example:
        >>> score(0.5, 0.1, 10) > score(0.5, 0.9, 10) > score(0.4, 0.0, 10)
        True
    """
    return accuracy + math.exp(-(loss or 0.0)) / (MOST_REPLICATES * num_images + 1)


def posterior(arms: Sequence[Arm], seen: Sequence[Seen], num_images: int, chance: float) -> Posterior:
    """Return what trials say; one that failed counts as chance."""
    places = {arm.key: place for place, arm in enumerate(arms)}
    trials = [one for one in seen if one.failed or one.accuracy is not None]
    values = np.array([_value(one, num_images, chance) for one in trials])
    at = np.array([places[one.key] for one in trials], dtype=int)
    replicates = np.array([one.replicate for one in trials], dtype=int)
    solved = np.array([arm.solved for arm in arms])
    noise = _noise(values, num_images)
    shift = noise / 2
    expected, spread = np.zeros(len(arms)), np.full(len(arms), LEAST_SPREAD)
    own = solved[at]
    if own.any():
        expected[solved] = values[own].mean()
        spread[solved] = max(LEAST_SPREAD, float(values[own].std()))
        heads = _condition(arms, solved, expected, spread, at[own], replicates[own], values[own], noise, shift)
        expected[~solved] = _expected(arms, heads.mean)[~solved]
    if (~own).any():
        around = values[~own] - expected[at[~own]]
        spread[~solved] = max(LEAST_SPREAD, float(np.sqrt(np.mean(around**2))))
    return _condition(arms, solved, expected, spread, at, replicates, values, noise, shift)


def _value(one: Seen, num_images: int, chance: float) -> float:
    return chance if one.accuracy is None else score(one.accuracy, one.loss, num_images)


def _noise(values: NDArray[np.float64], num_images: int) -> float:
    """Return the variance of a trial around its arm, from that of a share of so many images."""
    best = float(values.max()) if len(values) else 0.5
    right = min(max((best * num_images + 1) / (num_images + 2), 0.5), 1 - 1 / (num_images + 2))
    return _RESPLIT**2 * right * (1 - right) / max(1, num_images)


def _expected(arms: Sequence[Arm], heads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each arm what the solved head on the blocks of the same model that it leaves is worth."""
    places = [place for place, arm in enumerate(arms) if arm.solved]

    def nearest(arm: Arm) -> int:
        own = [place for place in places if arms[place].model == arm.model] or places
        return min(own, key=lambda place: (abs(arms[place].left - arm.left), place))

    return heads[[nearest(arm) for arm in arms]]


def _condition(
    arms: Sequence[Arm],
    solved: NDArray[np.bool_],
    expected: NDArray[np.float64],
    spread: NDArray[np.float64],
    at: NDArray[np.int_],
    replicates: NDArray[np.int_],
    values: NDArray[np.float64],
    noise: float,
    shift: float,
) -> Posterior:
    """Condition arms and shifts of replicates on what was measured (Rasmussen and Williams 2006, eq. 2.23-2.24)."""
    num_arms = len(arms)
    prior = np.zeros((num_arms + MOST_REPLICATES,) * 2)
    prior[:num_arms, :num_arms] = np.outer(spread, spread) * _kernel(arms) * (solved[:, None] == solved)
    prior[num_arms:, num_arms:] = shift * np.eye(MOST_REPLICATES)
    mean = np.concatenate([expected, np.zeros(MOST_REPLICATES)])
    if not len(values):
        return Posterior(mean[:num_arms], prior, noise - shift)
    looks = np.zeros((len(values), len(mean)))
    rows = np.arange(len(values))
    looks[rows, at] = 1.0
    looks[rows, num_arms + replicates] = 1.0
    gain = np.linalg.solve(looks @ prior @ looks.T + (noise - shift) * np.eye(len(values)), looks @ prior).T
    mean = mean + gain @ (values - looks @ mean)
    covariance = prior - gain @ looks @ prior
    return Posterior(mean[:num_arms], (covariance + covariance.T) / 2, noise - shift)


def _kernel(arms: Sequence[Arm]) -> NDArray[np.float64]:
    shares = np.array([(arm.left, arm.frozen) for arm in arms])
    rates = np.array([0.0 if arm.rate is None else math.log10(arm.rate) for arm in arms])
    strategies, models = (np.array([getattr(arm, name) for arm in arms]) for name in ("strategy", "model"))
    apart = ((shares[:, None] - shares) ** 2).sum(-1) / _LENGTH**2 + ((rates[:, None] - rates) / _DECADES) ** 2
    common = _IN_COMMON + (1 - _IN_COMMON) * (strategies[:, None] == strategies)
    common *= _OF_MODELS + (1 - _OF_MODELS) * (models[:, None] == models)
    return np.asarray(np.exp(-apart / 2) * common)
