"""Replays of recommendations on a made-up study."""

from __future__ import annotations

import pytest
from benchmarks.recommend.__main__ import render
from benchmarks.recommend.judging import best_fixed, judge, over_studies, regret
from benchmarks.recommend.measured import Measured
from benchmarks.recommend.rules import RULES, at_random, halving, prior_alone, probes_choice, recommend

from layercut.priors.table import Gain
from layercut.recommending.arms import Arm, ArmTrial, Seen
from layercut.recommending.curve import MOST_REPLICATES
from layercut.recommending.decision import Setting

HEADS = tuple(Arm(f"lp{cut}", "linear_probe", cut, 2, cut / 2, cut / 2, None, 10) for cut in range(3))
TRAINED = tuple(Arm(f"ft{rate:g}", "finetune", 2, 2, 1.0, 0.0, rate, 100) for rate in (1e-4, 3e-4, 1e-3))
GAINS = tuple(Gain(f"s{number}", 100, "finetune", 1.0, 0.0, 1e-3, 0.1, 3, 10**6) for number in range(9))


@pytest.fixture
def study() -> Measured:
    accuracies = {"lp0": 0.5, "lp1": 0.6, "lp2": 0.7, "ft0.0001": 0.72, "ft0.0003": 0.85, "ft0.001": 0.9}
    seconds = {arm.key: 1.0 if arm.solved else 10.0 for arm in (*HEADS, *TRAINED)}
    trials = {
        ArmTrial(key, replicate): Seen(key, replicate, accuracy, 0.5, seconds[key])
        for key, accuracy in accuracies.items()
        for replicate in range(MOST_REPLICATES)
    }
    looks = {trial: (accuracies[trial.key] - 0.1, 0.1) for trial in trials}
    setting = Setting((*HEADS, *TRAINED), 100, 0.5, {arm.key: 0.1 * arm.flops for arm in TRAINED}, 1)
    return Measured("made up", "data", "model", setting, trials, accuracies, looks)


def test_without_time_for_a_training_the_best_head_is_chosen(study: Measured) -> None:
    choice = recommend(study, study.setting, 5.0, 0)
    assert (regret(study, choice), choice.seconds) == pytest.approx((20.0, 3.0))


def test_with_time_enough_nothing_is_lost_and_no_more_is_paid_than_the_budget(study: Measured) -> None:
    choice = recommend(study, study.setting, 60.0, 0)
    assert regret(study, choice) == 0.0
    assert choice.seconds <= 60.0


def test_no_rule_but_everything_and_a_fixed_one_pays_more_than_the_budget(study: Measured) -> None:
    for name, rule in RULES.items():
        for seed in range(5):
            assert name == "everything" or rule(study, study.setting, 25.0, seed).seconds <= 25.0


def test_a_random_order_fills_the_budget_and_halving_keeps_what_is_better(study: Measured) -> None:
    assert all(at_random(study, study.setting, 25.0, seed).seconds == 23.0 for seed in range(5))
    assert all(regret(study, halving(study, study.setting, 90.0, seed)) == 0.0 for seed in range(5))


def test_the_prior_alone_takes_what_earlier_studies_liked_and_a_recommendation_checks_it(study: Measured) -> None:
    setting = study.judged_by(GAINS)
    assert prior_alone(study, setting, 20.0, 0).key == "ft0.001"
    assert prior_alone(study, setting, 5.0, 0).key == "lp2"
    assert recommend(study, setting, 15.0, 0).key == "ft0.001"


def test_a_probes_choice_is_the_head_at_the_cut_it_likes_best_and_pays_for_all_cuts(study: Measured) -> None:
    probed = study._replace(probed={"logme": ({0: -0.5, 1: 0.2, 2: -0.1}, 4.0)})
    choice = probes_choice("logme")(probed, study.setting, 5.0, 0)
    assert (choice.key, choice.seconds) == ("lp1", 5.0)


def test_what_was_best_elsewhere_is_taken_unseen(study: Measured) -> None:
    accuracies = study.accuracies | {"ft0.0003": 0.99}
    choice = best_fixed([study._replace(accuracies=accuracies)])(study, study.setting, 1.0, 0)
    assert choice.key == "ft0.0003"


def test_another_users_replicates_are_the_same_trials_in_another_order(study: Measured) -> None:
    seconds = {trial: seen._replace(seconds=1.0 + trial.replicate) for trial, seen in study.trials.items()}
    other = study._replace(trials=seconds).relabelled((2, 0, 1))
    assert [other.trials[ArmTrial("lp0", place)].seconds for place in range(3)] == [3.0, 1.0, 2.0]
    assert all(seen.replicate == trial.replicate for trial, seen in other.trials.items())


def test_the_table_has_every_rule_and_names_the_worst(study: Measured) -> None:
    row = judge(study, GAINS, RULES, 0.5)
    assert row["rules"]["everything"]["regret"] == 0.0
    assert row["prior_studies"] == [f"s{number}" for number in range(9)]
    over = over_studies([row])
    assert over["solved heads"]["greatest"] == pytest.approx(20.0)
    text = render([row], {"0.5": over})
    assert all(name in text for name in (*RULES, "the worst: made up"))
