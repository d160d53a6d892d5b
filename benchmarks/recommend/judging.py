"""What rules lose on a study, over all the users that it could have been: an order of its replicates each."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.recommend.measured import Measured
from benchmarks.recommend.rules import Choice, Rule
from layercut.priors.table import Gain
from layercut.recommending.arms import Arm, Seen
from layercut.recommending.decision import Setting
from layercut.recommending.told import arm_name

NUM_USERS = 6


def judge(
    study: Measured, gains: Sequence[Gain], rules: Mapping[str, Rule], share: float, num_users: int = NUM_USERS
) -> dict[str, Any]:
    """Return what each rule loses, in points, and takes, in seconds, at a share of the study's seconds.

    A rule sees held-out images alone. Regret is the greatest mean test accuracy of all conditions less that of the
    chosen one, over all replicates: the best of many means is in part the luckiest, which all rules pay alike.
    `gains` is what the prior may know.
    """
    users = [study.relabelled(order) for order in _orders(study, num_users)]
    found = {}
    for name, rule in rules.items():
        choices = [rule(user, user.judged_by(gains), share * user.seconds, number) for number, user in enumerate(users)]
        losses = [regret(study, choice) for choice in choices]
        found[name] = {
            "regret": statistics.fmean(losses),
            "greatest": max(losses),
            "seconds": statistics.fmean(choice.seconds for choice in choices),
            "chosen": _most_frequent(study, choices),
        }
    best = max(study.accuracies, key=lambda key: study.accuracies[key])
    return {
        "study": study.name,
        "images": study.setting.num_images,
        "conditions": len(study.setting.arms),
        "share": share,
        "budget_seconds": statistics.fmean(share * user.seconds for user in users),
        "prior_studies": sorted({gain.study for gain in gains}),
        "best": arm_name(_arm(study, best)),
        "best_accuracy": study.accuracies[best],
        "best_seconds": statistics.fmean(seen.seconds for seen in study.trials.values() if seen.key == best),
        "rules": found,
    }


def regret(study: Measured, choice: Choice) -> float:
    """Return what a choice loses on test images, in points."""
    return 100 * (max(study.accuracies.values()) - study.accuracies[choice.key])


def best_fixed(others: Sequence[Measured]) -> Rule:
    """Return the rule that always takes the condition with the least mean regret in other studies.

    A condition is a strategy, rate and third of the model at which it cuts; a study without it has the nearest cut of
    the strategy, or is passed over. It is trained unjudged.
    """
    totals: dict[tuple[str, int, float | None], list[float]] = {}
    for other in others:
        for kind in {_kind(arm) for arm in other.setting.arms}:
            own = [100 * (max(other.accuracies.values()) - other.accuracies[arm.key])
                   for arm in other.setting.arms if _kind(arm) == kind]  # fmt: skip
            totals.setdefault(kind, []).append(statistics.fmean(own))
    frequent = {kind: losses for kind, losses in totals.items() if len(losses) >= len(others) / 2} or totals
    order = sorted(frequent, key=lambda kind: (statistics.fmean(frequent[kind]), str(kind)))

    def rule(study: Measured, setting: Setting, budget: float, seed: int) -> Choice:
        for kind in order:
            for arm in setting.arms:
                if _kind(arm) == kind:
                    return Choice(arm.key, _first(study, arm).seconds)
        arm = setting.arms[0]
        return Choice(arm.key, _first(study, arm).seconds)

    return rule


def over_studies(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return mean and greatest regret of each rule over studies, and in how many it lost less than a point."""
    found = {}
    for name in rows[0]["rules"]:
        losses = [row["rules"][name]["regret"] for row in rows]
        found[name] = {
            "mean": statistics.fmean(losses),
            "median": statistics.median(losses),
            "greatest": max(losses),
            "below_a_point": sum(loss < 1 for loss in losses),
            "studies": len(losses),
        }
    return found


def _orders(study: Measured, num_users: int) -> list[tuple[int, ...]]:
    orders = list(itertools.permutations(range(study.num_replicates)))
    return orders[:: max(1, len(orders) // num_users)][:num_users]


def _kind(arm: Arm) -> tuple[str, int, float | None]:
    return arm.strategy, min(2, 3 * arm.cut // max(1, arm.num_blocks)), arm.rate


def _first(study: Measured, arm: Arm) -> Seen:
    return next(seen for trial, seen in study.trials.items() if trial.key == arm.key and trial.replicate == 0)


def _most_frequent(study: Measured, choices: Sequence[Choice]) -> str:
    return arm_name(_arm(study, statistics.mode(choice.key for choice in choices)))


def _arm(study: Measured, key: str) -> Arm:
    return next(arm for arm in study.setting.arms if arm.key == key)
