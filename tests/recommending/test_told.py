"""What is said of accuracies: hand-worked cases."""

from __future__ import annotations

import math

import pytest

from layercut.recommending.arms import Arm, Seen
from layercut.recommending.told import ArmScore, arm_name, interval, judged, not_told_apart, within_one_error

BEST = Arm("a", "freeze", 3, 4, 1.0, 0.75, 3e-4, 10)


def row(num_wrong: int, num_images: int) -> ArmScore:
    return ArmScore(BEST, 1, 1 - num_wrong / num_images, 0.1, 1.0, failed=False)


def test_the_interval_is_wilsons() -> None:
    low, high = interval(0.5, 10)  # (p + z2/2n -+ z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), z2 = 3.8415
    assert (low, high) == pytest.approx((0.2366, 0.7634), abs=5e-5)
    assert all(map(math.isnan, interval(math.nan, 10)))


@pytest.mark.parametrize(("wrong", "told_apart"), [(5, False), (6, True)])
def test_six_errors_to_none_are_told_apart_and_five_are_not(wrong: int, told_apart: bool) -> None:
    other = row(wrong, 100)  # 2 / 2**5 = 0.0625, 2 / 2**6 = 0.03125
    assert not_told_apart(row(0, 100), [other], 100) == ([] if told_apart else [other])


def test_equal_accuracies_without_an_error_are_not_told_apart() -> None:
    assert not_told_apart(row(0, 20), [row(0, 20)], 20) == [row(0, 20)]


def test_a_smaller_model_is_offered_within_one_standard_error_only() -> None:
    best = row(10, 100)  # sqrt(0.9 * 0.1 / 100) = 0.03
    assert within_one_error(best, row(13, 100), 100)
    assert not within_one_error(best, row(14, 100), 100)


def test_replicates_of_an_arm_are_averaged_and_one_failure_is_enough_to_fail() -> None:
    seen = [Seen("a", 0, 0.5, 0.4, 1.0), Seen("a", 1, 0.7, 0.6, 2.0)]
    (one,) = judged([BEST], seen)
    assert (one.num_replicates, one.score, one.loss, one.seconds) == pytest.approx((2, 0.6, 0.5, 3.0))
    assert not one.failed
    assert judged([BEST], [*seen, Seen("a", 2, None, None, 1.0, failed=True)])[0].failed


def test_names_have_a_cut_and_a_rate_where_there_is_one() -> None:
    assert arm_name(BEST) == "freeze at cut 3 (rate 3e-4)"
    assert arm_name(BEST._replace(strategy="finetune", cutless=True)) == "finetune (rate 3e-4)"
    assert arm_name(BEST._replace(strategy="linear_probe", rate=None)) == "linear_probe at cut 3"
