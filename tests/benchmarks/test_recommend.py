"""Replays of recommendations on a made-up study."""

from __future__ import annotations

import pytest
from benchmarks.recommend import Study, at_random, judge, render, replay

from layercut.recommending.arms import Arm, Seen, Trial
from layercut.recommending.curve import MOST_REPLICATES
from layercut.recommending.decision import Setting

HEADS = tuple(Arm(f"lp{cut}", "linear_probe", cut, 2, cut / 2, cut / 2, None, 10) for cut in range(3))
TRAINED = tuple(Arm(f"ft{rate:g}", "finetune", 2, 2, 1.0, 0.0, rate, 100) for rate in (1e-4, 3e-4, 1e-3))


@pytest.fixture
def study() -> Study:
    accuracies = {"lp0": 0.5, "lp1": 0.6, "lp2": 0.7, "ft0.0001": 0.72, "ft0.0003": 0.85, "ft0.001": 0.9}
    seconds = {arm.key: 1.0 if arm.solved else 10.0 for arm in (*HEADS, *TRAINED)}
    trials = {
        Trial(key, replicate): Seen(key, replicate, accuracy, 0.5, seconds[key])
        for key, accuracy in accuracies.items()
        for replicate in range(MOST_REPLICATES)
    }
    return Study("made up", Setting((*HEADS, *TRAINED), 100, 0.5, 0.1, 1), trials, accuracies)


def test_without_time_for_a_training_the_best_head_is_chosen(study: Study) -> None:
    assert replay(study, 5.0) == pytest.approx((20.0, 3.0))


def test_with_time_enough_nothing_is_lost_and_no_more_is_paid_than_the_budget(study: Study) -> None:
    choice = replay(study, 60.0)
    assert choice.regret == 0.0
    assert choice.seconds <= 60.0


def test_a_random_order_pays_no_more_either(study: Study) -> None:
    assert all(at_random(study, 25.0, seed).seconds == 23.0 for seed in range(5))


def test_the_table_has_every_rule(study: Study) -> None:
    row = judge(study, 0.5)
    assert row["rules"]["everything"] == {"regret": 0.0, "seconds": pytest.approx(study.seconds)}
    assert all(name in render([row]) for name in ("recommend", "solved heads", "random order", "everything"))
