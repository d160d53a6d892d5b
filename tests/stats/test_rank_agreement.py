"""Rank correlations are those of scipy; intervals, p-values and regret are those of hand-worked cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, permutation_test, spearmanr, weightedtau

from layercut.stats.rank_agreement import agreement, chosen_by, fisher_interval, permutation_p, regret

VALUES = st.lists(st.integers(-3, 3).map(float), min_size=3, max_size=9)


@given(st.data())
def test_correlations_are_scipys_with_and_without_ties(data):
    x = np.array(data.draw(VALUES))
    y = np.array(data.draw(st.lists(st.integers(-3, 3).map(float), min_size=len(x), max_size=len(x))))
    found = agreement(x, y)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert all(math.isnan(value[0]) for value in found)
        return
    assert found.spearman[0] == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
    assert found.kendall[0] == pytest.approx(kendalltau(x, y).statistic, abs=1e-12)
    assert found.weighted_tau[0] == pytest.approx(weightedtau(x, y).statistic, abs=1e-12)


def test_rows_are_independent_whatever_the_block():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 3000, 40))
    whole = agreement(x, y)
    one = agreement(x[2999], y[2999])
    assert whole.weighted_tau[-1] == one.weighted_tau[0]
    assert len(whole.kendall) == 3000


def test_a_small_permutation_test_is_exact():
    x, y = np.array([1.0, 2, 3, 4, 5]), np.array([2.0, 1, 3, 5, 4])
    expected = permutation_test(
        (x,), lambda a: spearmanr(a, y).statistic, permutation_type="pairings", n_resamples=np.inf
    ).pvalue
    assert permutation_p(x, y, np.random.default_rng(0)) == pytest.approx(expected)
    assert permutation_p(np.arange(3.0), np.arange(3.0), np.random.default_rng(0)) == pytest.approx(2 / 6)
    assert math.isnan(permutation_p(np.zeros(4), np.arange(4.0), np.random.default_rng(0)))


def test_many_candidates_are_permuted_at_random_and_p_is_never_zero():
    x = np.arange(20.0)
    assert permutation_p(x, x, np.random.default_rng(0)) == pytest.approx(1e-4)
    noise = np.random.default_rng(1).normal(size=20)
    assert permutation_p(x, noise, np.random.default_rng(0)) == pytest.approx(spearmanr(x, noise).pvalue, abs=0.02)


def test_fishers_interval_is_the_hand_worked_one():
    assert fisher_interval(0.5, 12) == pytest.approx((-0.1036, 0.8345), abs=1e-4)  # tanh(0.5493 -+ 1.96 / 3)
    assert all(map(math.isnan, fisher_interval(0.5, 3)))
    assert fisher_interval(1.0, 9) == (1.0, 1.0)


def test_of_tied_choices_the_mean_is_taken():
    chosen = chosen_by(np.array([[1.0, 3, 3], [5, 0, 0]]))
    assert chosen.tolist() == [[False, True, True], [True, False, False]]
    accuracies = np.array([[0.9, 0.8, 0.6]])
    assert regret(chosen, accuracies, np.array([0.9])) == pytest.approx([0.2, 0.0])
