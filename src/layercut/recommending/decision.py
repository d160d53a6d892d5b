"""Which trial is next: a pure function of the plan's arms, the trials so far and the seconds left.

Reference:
    Frazier, Powell and Dayanik 2009, "The knowledge-gradient policy for correlated normal beliefs": a trial is worth
    by how much it is expected to raise the best posterior mean. It says alike what a new arm and what another
    replicate of a leader is worth. We differ in dividing by seconds, and in that only arms that were tried, and
    the one that would be, may be the best.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import binomtest, norm

from layercut.priors.belief import Belief
from layercut.recommending.arms import Arm, ArmTrial, Seen
from layercut.recommending.curve import MOST_REPLICATES, Posterior, posterior, score
from layercut.significance import ALPHA

WORTH = 0.0005
"""An arm cannot pay of which all trials together are expected to gain less accuracy than this."""

_QUANTILES = norm.ppf((np.arange(101) + 0.5) / 101)
_BASE_SECONDS = 1.0
"""Of a training, whatever it trains; and of a step, however short its trials are."""

_AGAIN, _ALIKE = 1.2, 1.4
"""So many times the expected seconds must be left for a trial whose arm was measured, and for one that is judged by the
pace of other trials. In replays of 15 studies nine in ten trials took less."""

_MOST_LOAD = 4.0
"""A machine is not taken for slower than by this."""

Reason = Literal["", "budget", "worth", "all", "settled", "nothing held out"]
"""Why nothing is next: no time, no gain to expect, nothing left, nothing that could change the choice, or nothing to
choose by."""


class Setting(NamedTuple):
    """What does not change between decisions."""

    arms: tuple[Arm, ...]
    num_images: float
    """Labelled images that are held out, each once, as far as they count for the metric (`Journal.num_judging`)."""
    chance: float
    """What guessing gives."""
    planned_seconds: Mapping[str, float]
    """Of a trial on one worker with all its epochs, by key of an arm, before anything was measured."""
    num_workers: int
    """Trials that are done side by side."""
    beliefs: Mapping[str, Belief] = MappingProxyType({})
    """By key of a trained arm, what earlier studies say of it."""
    is_out_of_fold: bool = True
    """Whether held-out images judge trainings that they did not stop (`training/folds.py`)."""
    num_replicates: int = MOST_REPLICATES
    """Of an arm, at most."""
    settles: bool = True
    """Whether to end where nothing could change the choice; fresh replicates for a certificate want rivals."""
    usual: str = ""
    """Key of the solved head that is taken unless the labelled images show another arm to be better; empty: none."""

    def posterior(self, seen: Sequence[Seen]) -> Posterior:
        """Return what trials say of all arms."""
        return posterior(self.arms, seen, self.num_images, self.chance, self.beliefs, self.is_out_of_fold)


class Decision(NamedTuple):
    """What is next."""

    trials: tuple[ArmTrial, ...]
    """Side by side; empty: nothing."""
    reason: Reason = ""
    """Why nothing is."""


class _Option(NamedTuple):
    trial: ArmTrial
    gain: float
    """What one trial is expected to gain."""
    hope: float
    """What all trials of the arm together would."""
    seconds: float
    longest: float
    """Seconds that must be left for it."""


def first_trials(arms: Sequence[Arm]) -> tuple[ArmTrial, ...]:
    """Return what is done first, whatever it costs: every head that is solved; without one, the cheapest training."""
    solved = tuple(ArmTrial(arm.key, 0) for arm in arms if arm.solved)
    return solved or tuple(ArmTrial(arm.key, 0) for arm in arms[:1])


def decide(setting: Setting, seen: Sequence[Seen], left_seconds: float) -> Decision:
    """Return the trial with the most expected gain a second of those that fit into the time that is left.

    One fits if its seconds are likely to (`longest_seconds`): a trial that is begun is not broken off. Where several
    can be done side by side, others of the same model that take no longer go with it.
    """
    if not any(one.score is not None for one in seen):
        return Decision((), "nothing held out")
    options = list(_options(setting, seen))
    if not options:
        return Decision((), "all")
    if setting.settles and _is_settled(setting, seen):
        return Decision((), "settled")
    worthwhile = [one for one in options if one.hope >= WORTH]
    if not worthwhile:
        return Decision((), "worth")
    affordable = [one for one in worthwhile if one.longest <= left_seconds]
    if not affordable:
        return Decision((), "budget")
    first = max(affordable, key=lambda one: (one.gain / max(one.seconds, _BASE_SECONDS), one.trial))
    models = {arm.key: arm.model for arm in setting.arms}
    alike = [one for one in affordable if models[one.trial.key] == models[first.trial.key]]
    beside = [one for one in alike if one is not first and one.seconds <= first.seconds]
    beside.sort(key=lambda one: (-one.gain, one.trial))
    return Decision((first.trial, *(one.trial for one in beside[: setting.num_workers - 1])))


def leader(setting: Setting, seen: Sequence[Seen]) -> Arm | None:
    """Return the arm to recommend: of those that were tried, the one with the highest mean score.

    Of equal ones the one with the lowest log loss, then the first in the plan. The usual arm is left only for one that
    the labelled images show to be better (`is_better`). None: nothing was tried that could be chosen by.

    Scores are taken as they are. Posterior means, which decide what is tried, would also weigh similar conditions and
    earlier studies: on 18 replayed studies they chose worse (docs/decisions/0070).
    """
    found = leaders(setting, seen, 1)
    return found[0] if found else None


def leaders(setting: Setting, seen: Sequence[Seen], number: int) -> list[Arm]:
    """Return the best so many arms, the one to recommend first."""
    arms = [setting.arms[place] for place in _tried(setting.arms, seen)]
    arms.sort(key=lambda arm: -_mean_score(setting, seen, arm.key, with_loss=True))
    usual = next((arm for arm in arms if arm.key == setting.usual), None)
    if usual is not None:
        best, other = (_mean_score(setting, seen, arm.key) for arm in (arms[0], usual))
        if not is_better(best, other, setting.num_images):
            arms.sort(key=lambda arm: arm is not usual)
    return arms[:number]


def _is_settled(setting: Setting, seen: Sequence[Seen]) -> bool:
    """Return whether the usual arm has so few images wrong that even one without an error would not be chosen."""
    if not any(one.key == setting.usual and one.score is not None for one in seen):
        return False
    return not is_better(1.0, _mean_score(setting, seen, setting.usual), setting.num_images)


def is_better(one: float, other: float, num_images: float) -> bool:
    """Return whether so many labelled images show the first of two accuracies to be the better one.

    Exact one-sided sign test at 5 %, with the assumption of `are_told_apart`.

    Example:
        >>> is_better(24 / 24, 20 / 24, 24), is_better(24 / 24, 19 / 24, 24)
        (False, True)
    """
    first, second = (_num_wrong(score, num_images) for score in (one, other))
    return first < second and bool(binomtest(first, first + second, alternative="less").pvalue < ALPHA)


def are_told_apart(one: float, other: float, num_images: float) -> bool:
    """Return whether so many labelled images tell two accuracies apart.

    Exact sign test on the images that one gets wrong and the other does not. How many both get wrong is not known: that
    they have none in common is assumed, which tells the fewest apart.

    Example:
        >>> are_told_apart(23 / 24, 21 / 24, 24), are_told_apart(23 / 24, 15 / 24, 24)
        (False, True)
    """
    wrong = [_num_wrong(score, num_images) for score in (one, other)]
    return bool(sum(wrong) and binomtest(wrong[0], sum(wrong)).pvalue < ALPHA)


def _num_wrong(score: float, num_images: float) -> int:
    return nearest_whole(num_images) - nearest_whole(score * num_images)


def nearest_whole(value: float) -> int:
    """Return the nearest whole number, of two the greater."""
    return math.floor(value + 0.5)


def _mean_score(setting: Setting, seen: Sequence[Seen], key: str, with_loss: bool = False) -> float:
    """Return the mean of the trials of an arm; `with_loss` tells equal ones apart by log loss (`curve.score`)."""
    own = [
        score(one.score, one.loss, setting.num_images) if with_loss else one.score
        for one in seen
        if one.key == key and one.score is not None
    ]
    return math.fsum(own) / len(own)


def expected_seconds(setting: Setting, seen: Sequence[Seen]) -> dict[str, float]:
    """Return how long a trial of each arm takes on one worker, from what was measured."""
    done = [one for one in seen if not one.failed]
    by_key = {arm.key: arm for arm in setting.arms}
    trained = [(by_key[one.key], one.seconds) for one in done if not by_key[one.key].solved]
    solved = [one.seconds for one in done if by_key[one.key].solved]
    planned = {arm.key: max(setting.planned_seconds.get(arm.key, 0.0), 1e-6) for arm in setting.arms}
    own: dict[str, list[float]] = {}
    for one in done:
        own.setdefault(one.key, []).append(one.seconds)
    found = {}
    for arm in setting.arms:
        same = [pair for pair in trained if pair[0].model == arm.model] or trained
        alike = [pair for pair in same if pair[0].strategy == arm.strategy] or same
        paces = [max(seconds - _BASE_SECONDS, 0.1) / planned[other.key] for other, seconds in alike]
        pace = median(paces) if paces else 1.0
        guess = median(solved) if arm.solved and solved else _BASE_SECONDS + pace * planned[arm.key]
        found[arm.key] = float(np.mean(own[arm.key])) if arm.key in own else guess
    return found


def longest_seconds(setting: Setting, seen: Sequence[Seen]) -> dict[str, float]:
    """Return how long a trial of each arm may well take on one worker: so much must be left for one to be begun.

    As long as no training was measured, what is planned for one is as much too short as it was for the solved heads:
    the speed of the model may have been measured on a machine that had less to do.
    """
    expected = expected_seconds(setting, seen)
    done = [one for one in seen if not one.failed]
    own, heads = {one.key for one in done}, {arm.key for arm in setting.arms if arm.solved}
    load = _load(setting.planned_seconds, [one for one in done if one.key in heads])
    is_paced = not own <= heads
    found = {}
    for arm in setting.arms:
        seconds = expected[arm.key]
        if arm.key in own:
            found[arm.key] = _AGAIN * seconds
        elif is_paced or arm.solved:
            found[arm.key] = _ALIKE * seconds
        else:
            found[arm.key] = _BASE_SECONDS + load * (seconds - _BASE_SECONDS)
    return found


def _load(planned: Mapping[str, float], solved: Sequence[Seen]) -> float:
    """Return how many times their planned seconds solved heads took, at least 1."""
    known = [one for one in solved if planned.get(one.key)]
    whole = sum(planned[one.key] for one in known)
    return min(max(sum(one.seconds for one in known) / whole, 1.0), _MOST_LOAD) if whole else 1.0


def _tried(arms: Sequence[Arm], seen: Sequence[Seen]) -> list[int]:
    judged = {one.key for one in seen if one.score is not None} - {one.key for one in seen if one.failed}
    return [place for place, arm in enumerate(arms) if arm.key in judged]


def _options(setting: Setting, seen: Sequence[Seen]) -> list[_Option]:
    failed = {one.key for one in seen if one.failed}
    counts: Mapping[str, int] = {arm.key: sum(one.key == arm.key for one in seen) for arm in setting.arms}
    beliefs = setting.posterior(seen)
    seconds, longest = expected_seconds(setting, seen), longest_seconds(setting, seen)
    tried = _tried(setting.arms, seen)
    most = score(1.0, 0.0, setting.num_images)
    return [
        _Option(
            ArmTrial(arm.key, counts[arm.key]),
            _gain(beliefs, tried, place, _seen_by(beliefs, place, counts[arm.key]), beliefs.noise, most),
            _gain(beliefs, tried, place, _seen_by(beliefs, place), 0.0, most),
            seconds[arm.key],
            longest[arm.key],
        )
        for place, arm in enumerate(setting.arms)
        if counts[arm.key] < setting.num_replicates and arm.key not in failed
    ]


def _seen_by(beliefs: Posterior, place: int, replicate: int | None = None) -> list[int]:
    """Return the latent values of which a replicate of an arm sees the sum; None: infinitely many replicates."""
    num_arms = len(beliefs.mean)
    return [place, num_arms + place, *([] if replicate is None else [2 * num_arms + replicate])]


def _gain(
    beliefs: Posterior, tried: Sequence[int], place: int, looked_at: Sequence[int], noise: float, most: float
) -> float:
    """Return by how much a look is expected to raise the best posterior mean of what was tried, up to `most`."""
    together = beliefs.covariance[:, looked_at].sum(axis=1)
    variance = together[looked_at].sum() + noise
    among = sorted({*tried, place})
    moves = together[among] / np.sqrt(max(variance, 1e-300))
    after = beliefs.mean[among, None] + moves[:, None] * _QUANTILES
    best = beliefs.mean[list(tried)].max(initial=-np.inf)
    return float(after.max(axis=0).clip(max=most).mean() - min(best, most))
