"""When an accuracy is shown: by hand, and how often it is said wrongly."""

from __future__ import annotations

import numpy as np
import pytest

from layercut.recommending.target import shown_accuracy


@pytest.mark.parametrize(("num_images", "num_arms"), [(24, 1), (24, 85), (500, 20)])
def test_without_an_error_the_bound_is_the_root_of_the_level(num_images: int, num_arms: int) -> None:
    assert shown_accuracy(1.0, num_images, num_arms) == pytest.approx((0.05 / num_arms) ** (1 / num_images))


def test_nothing_is_shown_without_images_or_without_an_accuracy() -> None:
    assert shown_accuracy(float("nan"), 10, 1) == 0.0
    assert shown_accuracy(1.0, 0, 1) == 0.0


def test_a_mean_over_replicates_is_not_rounded_up() -> None:
    assert shown_accuracy(9.7 / 10, 10, 5) == shown_accuracy(0.9, 10, 5)
    assert shown_accuracy(sum([0.1] * 3) / 3 + 0.6, 10, 5) == shown_accuracy(0.7, 10, 5)


def test_the_luckiest_of_many_arms_is_said_to_reach_what_none_does_at_most_once_in_twenty() -> None:
    generator = np.random.default_rng(0)
    num_arms, num_images, true = 40, 60, 0.9
    best = generator.binomial(num_images, true, size=(4000, num_arms)).max(axis=1)
    wrong = {count: shown_accuracy(count / num_images, num_images, num_arms) > true for count in set(best)}
    error = np.mean([wrong[count] for count in best])
    naive = np.mean([shown_accuracy(count / num_images, num_images, 1) > true for count in best])
    assert error <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 4000)
    assert naive > 0.25
