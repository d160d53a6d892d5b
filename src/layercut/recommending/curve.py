"""What trials so far say of every arm: a Gaussian process over depth, strategy and learning rate.

An arm's score is a smooth function of the share of blocks that it leaves, the share that it freezes and the logarithm
of its rate; two strategies at one place have half of it in common. Before anything is trained, a trained arm is
expected as far from the best solved head on at most as many blocks as earlier studies say, give or take what these
differ by. What is looked for is the score on images to come. Held-out images flatter trainings that they stopped, and
tell every score with an error that further replicates repeat, alike for arms that are alike; a trial shows that with
noise, of which a part is its replicate's: trials of one replicate share their folds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from layercut.priors.belief import NOTHING, WORST, Belief
from layercut.priors.error import flattery, share_variance
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
_RESPLIT = 0.4
"""Other folds and initial values change an accuracy by so much of the variance of a share of so many images."""
_SHIFT = 0.25
"""So much of that all arms of a replicate have in common."""
_IMAGES = 0.2
"""Labelled images tell an arm's accuracy wrong by so much of that variance, beside what they have in common for all."""


class Posterior(NamedTuple):
    """Beliefs about the scores of all arms, and of the shift of each replicate behind them."""

    mean: NDArray[np.float64]
    """Float64 "arms"."""
    covariance: NDArray[np.float64]
    """Float64 "latent latent": scores of arms, then the errors of the labelled images, then replicates."""
    noise: float
    """Variance of one trial's own noise."""


def score(accuracy: float, loss: float | None, num_images: float) -> float:
    """Return accuracy, with log loss as tie-break: all of it weighs less than one image.

    The likelihood of the right class, averaged geometrically over images, is what is added.

    Example:
        >>> score(0.5, 0.1, 10) > score(0.5, 0.9, 10) > score(0.4, 0.0, 10)
        True
    """
    return accuracy + math.exp(-(loss or 0.0)) / (MOST_REPLICATES * num_images + 1)


def posterior(
    arms: Sequence[Arm],
    seen: Sequence[Seen],
    num_images: float,
    chance: float,
    beliefs: Mapping[str, Belief],
    is_out_of_fold: bool = True,
) -> Posterior:
    """Return what trials say; one that failed counts as chance.

    Args:
        beliefs: by key, what earlier studies say of arms; of one that is missing, nothing.
        is_out_of_fold: held-out images judge trainings that they did not stop; others they flatter.
    """
    places = {arm.key: place for place, arm in enumerate(arms)}
    trials = [one for one in seen if one.failed or one.score is not None]
    values = np.array([_value(one, num_images, chance) for one in trials])
    at = np.array([places[one.key] for one in trials], dtype=int)
    replicates = np.array([one.replicate for one in trials], dtype=int)
    solved = np.array([arm.solved for arm in arms])
    best = float(values.max(initial=0.5))
    variance = share_variance(best, num_images)
    told = [beliefs.get(arm.key, NOTHING) for arm in arms]
    expected, spread = np.zeros(len(arms)), np.array([one.spread for one in told])
    own = solved[at]
    if own.any():
        expected[solved] = values[own].mean()
        spread[solved] = max(LEAST_SPREAD, float(values[own].std()))
        heads = _condition(arms, solved, expected, spread, at[own], replicates[own], values[own], variance)
        if not is_out_of_fold:
            values[~own] -= flattery(best, num_images)
        gains = np.array([one.gain for one in told])
        expected[~solved] = (_best_below(arms, heads.mean) + gains)[~solved]
        values[~own] = np.maximum(values[~own], expected[at[~own]] + WORST)
    elif len(values):  # no head is solved: as good as what was tried
        expected += values.mean()
    return _condition(arms, solved, expected, spread, at, replicates, values, variance)


def _value(one: Seen, num_images: float, chance: float) -> float:
    return chance if one.score is None else score(one.score, one.loss, num_images)


def _best_below(arms: Sequence[Arm], heads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each arm the score of the best solved head of its model on at most as many blocks as it leaves."""
    solved = [(arm, heads[place]) for place, arm in enumerate(arms) if arm.solved]

    def best(arm: Arm) -> float:
        own = [(head, value) for head, value in solved if head.model == arm.model] or solved
        below = [value for head, value in own if head.left <= arm.left]
        return float(max(below, default=min(value for _, value in own)))

    return np.array([best(arm) for arm in arms])


def _condition(
    arms: Sequence[Arm],
    solved: NDArray[np.bool_],
    expected: NDArray[np.float64],
    spread: NDArray[np.float64],
    at: NDArray[np.int_],
    replicates: NDArray[np.int_],
    values: NDArray[np.float64],
    variance: float,
) -> Posterior:
    """Condition everything on what was measured (Rasmussen and Williams 2006, eq. 2.23-2.24)."""
    num_arms, noise = len(arms), (1 - _SHIFT) * _RESPLIT * variance
    alike = _kernel(arms) * (solved[:, None] == solved)
    shift = _SHIFT * _RESPLIT * variance
    scores, errors = np.outer(spread, spread) * alike, _IMAGES * variance * alike
    prior = block_diag(scores, errors, shift * np.eye(MOST_REPLICATES))
    mean = np.concatenate([expected, np.zeros(num_arms + MOST_REPLICATES)])
    if not len(values):
        return Posterior(mean[:num_arms], prior, noise)
    looks = np.zeros((len(values), len(mean)))
    rows = np.arange(len(values))
    for seen_of in (at, num_arms + at, 2 * num_arms + replicates):
        looks[rows, seen_of] = 1.0
    gain = np.linalg.solve(looks @ prior @ looks.T + noise * np.eye(len(values)), looks @ prior).T
    mean = mean + gain @ (values - looks @ mean)
    covariance = prior - gain @ looks @ prior
    return Posterior(mean[:num_arms], (covariance + covariance.T) / 2, noise)


def _kernel(arms: Sequence[Arm]) -> NDArray[np.float64]:
    shares = np.array([(arm.left, arm.frozen) for arm in arms])
    rates = np.array([0.0 if arm.rate is None else math.log10(arm.rate) for arm in arms])
    strategies, models = (np.array([getattr(arm, name) for arm in arms]) for name in ("strategy", "model"))
    apart = ((shares[:, None] - shares) ** 2).sum(-1) / _LENGTH**2 + ((rates[:, None] - rates) / _DECADES) ** 2
    common = _IN_COMMON + (1 - _IN_COMMON) * (strategies[:, None] == strategies)
    common *= _OF_MODELS + (1 - _OF_MODELS) * (models[:, None] == models)
    return np.asarray(np.exp(-apart / 2) * common)
