"""The sequential test behind a certificate: by hand, and how often it is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import wilcoxon

from layercut.recommending.certificate import LOOKS, level, next_look, shown_at, standing
from layercut.significance import ALPHA


def test_the_levels_of_all_looks_together_are_no_more_than_the_whole() -> None:
    assert math.fsum(level(look) for look in range(len(LOOKS))) < ALPHA


@pytest.mark.parametrize("look", range(len(LOOKS)))
def test_each_look_has_pairs_enough_to_show_something(look: int) -> None:
    assert 2.0 ** -LOOKS[look] <= level(look)


def test_six_pairs_that_are_all_within_the_margin_show_it_and_five_do_not() -> None:
    differences = [0.01, -0.005, 0.0, 0.002, -0.009, 0.004]  # 1 / 2^6 = 0.016 < 0.025
    assert shown_at(differences, 0.01) == 6
    assert shown_at(differences[:5], 0.01) is None


def test_a_look_that_was_missed_is_not_made_good_by_a_later_level() -> None:
    differences = [-0.02, *[0.02] * 8]  # rank sum of the negative one: p = 2 / 2^6 > 0.025 at 6, enough at 9
    assert shown_at(differences, 0.001) == 9


@pytest.mark.parametrize("size", LOOKS[:4])
def test_the_test_at_a_look_is_that_of_scipy(size: int) -> None:
    differences = np.random.default_rng(size).normal(0.3, 1.0, size)
    theirs = wilcoxon(differences + 0.2, alternative="greater", method="exact").pvalue
    earlier = shown_at(list(differences[: size - 1]), 0.2)
    assert (shown_at(list(differences), 0.2) is not None) == (earlier is not None or theirs <= level(LOOKS.index(size)))


@pytest.mark.parametrize("ticks", [None, 24])
def test_a_rival_that_is_ahead_by_the_margin_is_called_within_it_at_most_once_in_twenty(ticks: int | None) -> None:
    generator, margin, num_studies = np.random.default_rng(1), 0.02, 2000
    wrong = 0
    for _ in range(num_studies):
        differences = generator.laplace(-margin, 0.02, LOOKS[-1])
        if ticks:  # accuracies are multiples of 1 / number of images; the centre stays where it was
            differences = np.round((differences + margin) * ticks) / ticks - margin
        wrong += shown_at(list(differences), margin) is not None
    assert wrong / num_studies <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / num_studies)


def test_a_look_at_every_pair_at_the_full_level_would_be_wrong_far_more_often() -> None:
    generator, wrong = np.random.default_rng(1), 0
    for _ in range(200):
        differences = generator.laplace(0.0, 1.0, 48)
        wrong += any(wilcoxon(differences[:size], alternative="greater").pvalue < ALPHA for size in range(5, 49))
    assert wrong / 200 > 2 * ALPHA


def test_conditions_that_are_alike_are_certified_within_twice_their_scatter() -> None:
    generator = np.random.default_rng(2)
    found = [shown_at(list(generator.normal(0.0, 0.01, 21)), 0.02) for _ in range(200)]
    assert np.mean([one is not None for one in found]) > 0.95


def test_how_many_pairs_it_takes_follows_from_pairs_that_repeat() -> None:
    own, rival = [0.9, 0.8, 0.9, 0.9, 0.9, 0.9], [0.88, 0.86, 0.88, 0.88, 0.88, 0.88]
    one = standing("rival", own, rival, 0.001)
    assert (one.num_pairs, one.is_shown) == (6, False)
    assert one.num_needed in LOOKS[1:]
    assert standing("rival", rival, own, 0.001).num_needed is None
    assert standing("rival", [], [], 0.001).num_needed == LOOKS[0]


def test_looks_are_taken_one_after_the_other() -> None:
    assert [next_look(pairs) for pairs in (0, 6, 7, 99, 100)] == [6, 9, 9, 100, None]
