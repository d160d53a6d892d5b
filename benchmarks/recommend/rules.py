"""Ways to spend a budget on a study: each pays for the trials it looks at, solved heads first, and chooses an arm."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.recommend.measured import Measured
from layercut.recommending.arms import Arm, ArmTrial, Seen
from layercut.recommending.decision import Setting, decide, first_trials, leader


class Choice(NamedTuple):
    """What a rule chose, and the seconds it took."""

    key: str
    seconds: float


Rule = Callable[[Measured, Setting, float, int], Choice]
"""Study, setting with the beliefs of a prior that has not seen it, budget in seconds, seed -> choice."""


def recommend(study: Measured, setting: Setting, budget: float, seed: int) -> Choice:
    """Decide as `layercut recommend` does."""
    seen = heads(study)
    while True:
        decision = decide(setting, seen, budget - spent(seen))
        if not decision.trials:
            return chosen(setting, seen)
        seen += [study.trials[trial] for trial in decision.trials]


def solved_heads(study: Measured, setting: Setting, budget: float, seed: int) -> Choice:
    """Choose among solved heads alone."""
    return chosen(setting, heads(study))


def prior_alone(study: Measured, setting: Setting, budget: float, seed: int) -> Choice:
    """Take what is expected to be the best after the solved heads and can still be paid for; train it unjudged."""
    seen = heads(study)
    mean = setting.posterior(seen).mean
    left = budget - spent(seen)
    best = max(
        (
            place
            for place, arm in enumerate(setting.arms)
            if arm.solved or study.trials[ArmTrial(arm.key, 0)].seconds <= left
        ),
        key=lambda place: (mean[place], -place),
    )
    arm = setting.arms[best]
    own = [] if arm.solved else [study.trials[ArmTrial(arm.key, 0)]]
    return Choice(arm.key, spent([*seen, *own]))


def at_random(study: Measured, setting: Setting, budget: float, seed: int) -> Choice:
    """Do the trainings that fit in a random order, a replicate each; choose by the mean of what was held out."""
    seen = heads(study)
    for arm in _shuffled(setting, seed):
        trial = study.trials[ArmTrial(arm.key, 0)]
        if spent(seen) + trial.seconds <= budget:
            seen.append(trial)
    return _by_mean(setting, seen)


def halving(study: Measured, setting: Setting, budget: float, seed: int) -> Choice:
    """Keep the better half of some arms, all with the same replicates, until one is left: paired successive halving.

    As many arms as can be paid for at their mean price begin, in a random order.
    """
    seen = heads(study)
    order = _shuffled(setting, seed)
    price = sum(study.trials[ArmTrial(arm.key, 0)].seconds for arm in order) / max(1, len(order))
    number = 0
    while number < len(order) and _halvings(number + 1, study.num_replicates) * price <= budget - spent(seen):
        number += 1
    kept, replicate = order[:number], 0
    while kept and replicate < study.num_replicates:
        for arm in kept:
            trial = study.trials[ArmTrial(arm.key, replicate)]
            if spent(seen) + trial.seconds <= budget:
                seen.append(trial)
        means = _means(seen)
        kept = sorted((arm for arm in kept if arm.key in means), key=lambda arm: means[arm.key], reverse=True)
        kept, replicate = kept[: max(1, len(kept) // 2)], replicate + 1
    return _by_mean(setting, seen)


def first_epochs(study: Measured, setting: Setting, budget: float, seed: int) -> Choice:
    """Spend half on first epochs in a random order, the other half on whole trainings of the best of these."""
    seen = heads(study)
    half, looked_at = spent(seen) + (budget - spent(seen)) / 2, {}
    paid = spent(seen)
    for arm in _shuffled(setting, seed):
        trial = ArmTrial(arm.key, 0)
        if trial in study.first_looks:
            accuracy, share = study.first_looks[trial]
            if paid + share * study.trials[trial].seconds <= half:
                paid += share * study.trials[trial].seconds
                looked_at[trial] = accuracy
    for trial in sorted(looked_at, key=lambda trial: -looked_at[trial]):
        cost = study.trials[trial].seconds * (1 - study.first_looks[trial][1])
        if paid + cost <= budget:
            paid += cost
            seen.append(study.trials[trial])
    return Choice(_by_mean(setting, seen).key, paid)


def everything(study: Measured, setting: Setting, budget: float, seed: int) -> Choice:
    """Choose after everything, whatever the budget."""
    return chosen(setting, list(study.trials.values()))


def probes_choice(name: str) -> Rule:
    """Return the rule that solves a head at the cut that a probe likes best, whatever the budget."""

    def rule(study: Measured, setting: Setting, budget: float, seed: int) -> Choice:
        values, seconds = study.probed[name]
        best = max(values, key=lambda cut: (values[cut], -cut))
        arm = min((arm for arm in setting.arms if arm.solved), key=lambda arm: (abs(arm.cut - best), arm.cut))
        return Choice(arm.key, seconds + study.trials[ArmTrial(arm.key, 0)].seconds)

    return rule


RULES: dict[str, Rule] = {
    "recommend": recommend,
    "prior alone": prior_alone,
    "solved heads": solved_heads,
    "random order": at_random,
    "successive halving": halving,
    "first epochs": first_epochs,
    "everything": everything,
}


def heads(study: Measured) -> list[Seen]:
    """Return the trials that come first."""
    return [study.trials[trial] for trial in first_trials(study.setting.arms)]


def spent(seen: Sequence[Seen]) -> float:
    """Return the seconds that trials took."""
    return math.fsum(one.seconds for one in seen)


def chosen(setting: Setting, seen: Sequence[Seen]) -> Choice:
    """Return what the model of the recommendation says of some trials."""
    best = leader(setting, seen)
    if best is None:
        raise ValueError("no trial has a held-out image to choose by")
    return Choice(best.key, spent(seen))


def _by_mean(setting: Setting, seen: Sequence[Seen]) -> Choice:
    means = _means(seen)
    best = max((arm for arm in setting.arms if arm.key in means), key=lambda arm: means[arm.key])
    return Choice(best.key, spent(seen))


def _means(seen: Sequence[Seen]) -> dict[str, tuple[float, float]]:
    """Return accuracy, and log loss for ties, of each arm."""
    found: dict[str, list[Seen]] = {}
    for one in seen:
        if one.score is not None:
            found.setdefault(one.key, []).append(one)
    return {
        key: (
            math.fsum(one.score or 0.0 for one in own) / len(own),
            -math.fsum(one.loss or 0.0 for one in own) / len(own),
        )
        for key, own in found.items()
    }


def _halvings(number: int, most: int) -> int:
    """Return how many trainings it takes to halve so many arms until one is left, of so many replicates at most."""
    total = 0
    for _ in range(most):
        total += number
        number = max(1, number // 2)
    return total


def _shuffled(setting: Setting, seed: int) -> list[Arm]:
    order = [arm for arm in setting.arms if not arm.solved]
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret
    return order
