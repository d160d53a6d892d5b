"""What earlier studies make one expect: learned from likeness, and less sure the fewer they are."""

from __future__ import annotations

import pytest

from layercut.priors.belief import NOTHING, WIDER, WORST, Belief, believed
from layercut.priors.table import Gain
from layercut.recommending.arms import Arm


def gain(
    study: str, value: float, strategy: str = "freeze", frozen: float = 0.8, images: int = 24, size: int = 10**6
) -> Gain:
    return Gain(study, images, strategy, 1.0, frozen, 1e-3, value, 3, size)


def arm(strategy: str = "freeze", frozen: float = 0.8, rate: float | None = 1e-3) -> Arm:
    return Arm("key", strategy, 4, 5, 1.0, frozen, rate, 1, num_parameters=10**6)


def test_without_studies_a_training_may_be_better_or_worse_than_a_head() -> None:
    assert believed((), arm(), 24) == pytest.approx(Belief(NOTHING.gain, WIDER * NOTHING.spread * 2**0.5))


def test_what_studies_agree_on_is_expected_and_the_surer_the_more_they_are() -> None:
    few, many = (believed([gain(f"s{number}", 0.1) for number in range(count)], arm(), 24) for count in (2, 20))
    assert few.gain < many.gain < 0.1
    assert many.gain == pytest.approx(0.1, abs=0.01)
    assert many.spread < few.spread < NOTHING.spread * 2**0.5


def test_where_studies_differ_the_spread_is_half_as_much_again_as_they_differ_by() -> None:
    told = believed([gain(f"s{number}", (-1) ** number * 0.15) for number in range(20)], arm(), 24)
    assert told.gain == pytest.approx(0.0)
    assert told.spread == pytest.approx(1.5 * 0.15, rel=0.1)


def test_one_study_is_one_word_however_many_conditions_it_tried() -> None:
    once = believed([gain("a", 0.1)], arm(), 24)
    assert believed([gain("a", 0.1)] * 50, arm(), 24) == pytest.approx(once)


@pytest.mark.parametrize("other", [gain("a", 0.1, strategy="reinit"), gain("a", 0.1, frozen=0.2),
                                   gain("a", 0.1, images=2_400), gain("a", 0.1, size=10**4)])  # fmt: skip
def test_what_is_less_alike_says_less(other: Gain) -> None:
    assert believed([other], arm(), 24).gain < believed([gain("a", 0.1)], arm(), 24).gain / 2


def test_more_images_shift_what_is_expected_from_what_few_images_say_to_what_many_do() -> None:
    studies = [gain(f"s{number}", 0.1, images=20) for number in range(5)]
    studies += [gain(f"m{number}", -0.1, images=2_000) for number in range(5)]
    few, between, many = (believed(studies, arm(), images).gain for images in (20, 200, 2_000))
    assert few > 0.05 > between > -0.05 > many


def test_how_bad_a_failure_was_says_nothing_of_how_good_a_success_would_be() -> None:
    assert believed([gain("a", -0.9)], arm(), 24) == believed([gain("a", WORST)], arm(), 24)
