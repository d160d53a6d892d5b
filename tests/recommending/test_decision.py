"""The decision which trial is next: a pure function, on made-up trials."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from layercut.errors import UserError
from layercut.priors.belief import Belief
from layercut.priors.error import share_variance
from layercut.recommending.arms import Arm, Seen, usual_arm
from layercut.recommending.budget import budget_seconds
from layercut.recommending.curve import _IMAGES, _SHIFT, LEAST_SPREAD, MOST_REPLICATES, score
from layercut.recommending.decision import (
    Setting,
    decide,
    expected_seconds,
    first_trials,
    leader,
    leaders,
    longest_seconds,
)

NUM_BLOCKS = 4


def solved(cut: int) -> Arm:
    return Arm(f"lp{cut}", "linear_probe", cut, NUM_BLOCKS, cut / NUM_BLOCKS, cut / NUM_BLOCKS, None, 10**6)


def frozen(cut: int, rate: float = 1e-3) -> Arm:
    flops = 10**9 * (NUM_BLOCKS - cut + 1)
    return Arm(f"fr{cut}@{rate:g}", "freeze", cut, NUM_BLOCKS, 1.0, cut / NUM_BLOCKS, rate, flops)


HEADS = tuple(map(solved, range(NUM_BLOCKS + 1)))
FROZEN = tuple(frozen(cut, rate) for cut in (1, 2, 3) for rate in (1e-4, 1e-3))
ROW = [Seen(arm.key, 0, accuracy, 0.5, 1.0) for arm, accuracy in zip(HEADS, (0.4, 0.5, 0.7, 0.8, 0.9), strict=True)]


def setting(arms: tuple[Arm, ...] = HEADS + FROZEN, num_workers: int = 1) -> Setting:
    return Setting(
        arms,
        num_images=100,
        chance=0.5,
        planned_seconds={arm.key: 1e-9 * arm.flops for arm in arms},
        num_workers=num_workers,
    )


def test_all_solved_heads_come_first_and_trainings_begin_with_the_cheapest() -> None:
    assert [trial.key for trial in first_trials(setting().arms)] == [arm.key for arm in HEADS]
    (trial,) = decide(setting(), ROW, 1000.0).trials
    assert trial.key.startswith("fr3")


def test_the_order_of_arms_and_a_second_call_change_nothing() -> None:
    seen = [*ROW, Seen("fr3@0.001", 0, 0.92, 0.3, 4.0)]
    assert decide(setting(), seen, 1000.0) == decide(setting(), seen, 1000.0)
    for arms in itertools.islice(itertools.permutations(HEADS + FROZEN), 0, 40_000, 9_999):
        assert decide(setting(arms), seen, 1000.0) == decide(setting(), seen, 1000.0)


def test_nothing_that_takes_longer_than_what_is_left_is_begun() -> None:
    assert decide(setting((*HEADS, frozen(1))), ROW[:4], 0.5).reason == "budget"
    for left in (1.5, 4.0, 60.0):
        for trial in decide(setting(), ROW, left).trials:
            assert longest_seconds(setting(), ROW)[trial.key] <= left


def test_a_training_is_begun_only_if_what_may_well_be_longer_than_expected_fits() -> None:
    known = setting((frozen(3), frozen(2)))
    seen = [Seen("fr3@0.001", replicate, 0.9, 0.5, 10.0) for replicate in range(MOST_REPLICATES)]
    expected, longest = expected_seconds(known, seen), longest_seconds(known, seen)
    assert (expected["fr3@0.001"], longest["fr3@0.001"]) == pytest.approx((10.0, 12.0))
    assert (expected["fr2@0.001"], longest["fr2@0.001"]) == pytest.approx((14.5, 1.4 * 14.5))
    assert decide(known, seen, 20.0).reason == "budget"
    assert [trial.key for trial in decide(known, seen, 20.5).trials] == ["fr2@0.001"]


def test_what_is_planned_of_a_first_training_is_as_much_too_short_as_it_was_of_the_heads() -> None:
    planned = {**dict.fromkeys([arm.key for arm in HEADS], 0.5), "fr3@0.001": 10.0}
    as_planned, loaded = ([Seen(arm.key, 0, 0.5, 0.5, took) for arm in HEADS] for took in (0.4, 1.25))
    known = setting((*HEADS, frozen(3)))._replace(planned_seconds=planned)
    assert longest_seconds(known, as_planned)["fr3@0.001"] == pytest.approx(1 + 10.0)
    assert longest_seconds(known, loaded)["fr3@0.001"] == pytest.approx(1 + 2.5 * 10.0)
    hopeless = [one._replace(seconds=50.0) for one in loaded]
    assert longest_seconds(known, hopeless)["fr3@0.001"] == pytest.approx(1 + 4 * 10.0)


def test_trials_side_by_side_are_different_and_take_no_longer_than_the_first() -> None:
    trials = decide(setting(num_workers=3), ROW, 1000.0).trials
    seconds = [expected_seconds(setting(), ROW)[trial.key] for trial in trials]
    assert len({trial.key for trial in trials}) == len(trials) > 1
    assert max(seconds) == seconds[0]


def test_a_good_training_draws_its_neighbours_and_a_bad_one_does_not() -> None:
    def next_strategy(accuracy: float) -> float:
        seen = [*ROW, *(Seen(f"fr3@{rate:g}", 0, accuracy, 0.5, 2.0) for rate in (1e-4, 1e-3))]
        belief = setting().posterior(seen)
        return float(belief.mean[[arm.key for arm in setting().arms].index("fr2@0.001")])

    assert next_strategy(0.97) > 0.9 > next_strategy(0.8)


def test_a_leader_is_measured_again_where_that_tells_more_than_anything_new() -> None:
    arms = (*HEADS, frozen(3))
    seen = [*ROW, Seen("fr3@0.001", 0, 0.905, 0.5, 1.0)]
    trials = decide(setting(arms), seen, 1000.0).trials
    assert [trial.replicate for trial in trials] == [1]
    assert trials[0].key in ("fr3@0.001", "lp4")


def test_a_perfect_score_leaves_nothing_to_gain() -> None:
    seen = [*ROW[:4], Seen("lp4", 0, 1.0, 0.0, 1.0)]
    assert decide(setting(), seen, 1000.0).reason == "worth"


def test_what_failed_is_not_done_again_and_is_not_recommended() -> None:
    seen = list(ROW)
    for _ in range(100):
        trials = decide(setting(), seen, 1e9).trials
        if not trials:
            break
        for trial in trials:
            assert trial.key not in {one.key for one in seen if one.failed}
            failed = trial.key.startswith("fr")
            seen.append(Seen(*trial, None if failed else 0.9, None if failed else 0.5, 1.0, failed))
    best = leader(setting(), seen)
    assert best is not None
    assert best.key == "lp4"


def test_without_held_out_images_there_is_nothing_to_decide_by() -> None:
    seen = [one._replace(score=None, loss=None) for one in ROW]
    assert decide(setting(), seen, 1000.0) == ((), "nothing held out")
    assert leader(setting(), seen) is None


def test_log_loss_decides_between_equal_accuracies_and_never_against_one_image() -> None:
    assert score(0.9, 0.2, 50) > score(0.9, 0.3, 50)
    for num_images in (2, 24, 1000):
        assert score(1 / num_images, 50.0, num_images) > score(0.0, 0.0, num_images)


def test_a_training_that_is_planned_short_fits_a_small_budget_whatever_its_operations() -> None:
    planned = {arm.key: 3.0 if arm.key == "fr3@0.001" else 100.0 for arm in FROZEN}
    trials = decide(setting()._replace(planned_seconds=planned), ROW, 10.0).trials
    assert {trial.key for trial in trials} <= {"fr3@0.001", *(arm.key for arm in HEADS)}
    assert expected_seconds(setting()._replace(planned_seconds=planned), ROW)["fr3@0.001"] == 4.0


def test_costs_follow_what_was_measured() -> None:
    seen = [*ROW, Seen("fr3@0.001", 0, 0.9, 0.5, 21.0)]
    seconds = expected_seconds(setting(), seen)
    assert seconds["fr3@0.001"] == 21.0
    assert seconds["fr1@0.001"] == pytest.approx(1 + 2 * 20.0)
    assert expected_seconds(setting(), ROW)["fr1@0.001"] == pytest.approx(1 + 4.0)


@pytest.mark.parametrize(("accuracy", "leads"), [(0.92, False), (0.96, False), (0.97, True)])
def test_the_usual_arm_is_left_only_for_one_that_the_labels_show_to_be_better(accuracy: float, leads: bool) -> None:
    """Of 100 images the usual arm has 10 wrong; by an exact one-sided sign test 4 are not fewer for sure, and 3 are."""
    rival = "fr1@0.001"
    seen = [*ROW, Seen(rival, 0, accuracy, 0.3, 4.0)]
    told = setting()._replace(usual="lp4")
    assert leader(setting(), seen).key == rival
    assert leader(told, seen).key == (rival if leads else "lp4")
    assert leaders(told, seen, 2)[0].key == (rival if leads else "lp4")
    without = [one for one in seen if one.key != "lp4"]
    assert leader(told, without).key == rival


def test_three_lucky_images_of_24_do_not_lead_away_from_the_usual_arm() -> None:
    row = [*ROW[:-1], *(Seen("lp4", n, 21 / 24, 0.3, 4.0) for n in range(3))]
    told = setting()._replace(usual="lp4", num_images=24, beliefs={"fr1@0.001": Belief(0.2, 0.01)})
    assert leader(told, [*row, Seen("fr1@0.001", 0, 24 / 24, 0.1, 4.0)]).key == "lp4"


@pytest.mark.parametrize(("num_wrong", "ends"), [(0, True), (4, True), (5, False), (12, False)])
def test_nothing_is_tried_where_even_a_trial_without_an_error_would_not_be_chosen(num_wrong: int, ends: bool) -> None:
    """One without an error is better for sure than five wrong images, 1 in 32 by luck, and not than four, 1 in 16."""
    told = setting()._replace(usual="lp4", num_images=24)
    row = [*ROW[:-1], Seen("lp4", 0, 1 - num_wrong / 24, 0.3, 1.0)]
    decision = decide(told, row, 1000.0)
    assert (decision.reason == "settled") == ends
    assert bool(decision.trials) != ends
    best = [*row, Seen("fr1@0.001", 0, 1.0, 0.01, 4.0)]
    assert (leader(told, best).key == "lp4") == ends
    assert decide(told._replace(settles=False), row, 1000.0).trials
    assert decide(told._replace(usual=""), row, 1000.0).trials


def test_the_usual_arm_is_the_head_solved_on_the_whole_network() -> None:
    assert usual_arm(HEADS + FROZEN) == "lp4"
    assert usual_arm(FROZEN) == usual_arm(HEADS[:-1]) == ""


def test_the_beliefs_are_those_of_scikit_learn() -> None:
    accuracies = np.array([0.4, 0.55, 0.5, 0.8])
    seen = [Seen(arm.key, 0, value, 0.0, 1.0) for arm, value in zip(HEADS, accuracies, strict=False)]
    ours = setting(HEADS).posterior(seen)
    values = np.array([score(value, 0.0, 100) for value in accuracies])
    shift = ours.noise * _SHIFT / (1 - _SHIFT)  # the replicate's, which all of these have in common
    scores, images = max(LEAST_SPREAD, values.std()) ** 2, _IMAGES * share_variance(float(values.max()), 100)
    kernel = ConstantKernel(scores + images) * RBF(0.3 / math.sqrt(2)) + ConstantKernel(shift)
    depths = np.arange(NUM_BLOCKS + 1)[:, None] / NUM_BLOCKS
    theirs = GaussianProcessRegressor(kernel, alpha=ours.noise, optimizer=None)
    theirs.fit(depths[:4], values - values.mean())
    mean, covariance = theirs.predict(depths, return_cov=True)
    num = len(HEADS)
    both = np.zeros((num, len(ours.covariance)))
    both[:, :num], both[:, num : 2 * num], both[:, 2 * num] = np.eye(num), np.eye(num), 1.0
    np.testing.assert_allclose(both @ ours.covariance @ both.T, covariance, atol=1e-9)
    shifts = mean - (ours.mean - values.mean()) * (scores + images) / scores
    np.testing.assert_allclose(shifts, shifts[0], atol=1e-9)


@pytest.mark.parametrize("budget", ["", "10 parsecs", "-3m", "0", "inf", "nan", True, 0, "1e5s", math.inf])
def test_a_budget_that_is_no_time_is_refused(budget: str | float) -> None:
    with pytest.raises(UserError, match="expected a budget such as 90s, 10m or 1h"):
        budget_seconds(budget)
