"""The signed-rank test, its effect and its p-values after Holm, on cases at the edge."""

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from scipy.stats import PermutationMethod, wilcoxon

from layercut.stats import holm, signed_rank_test

CASES = {
    "plain": [0.11, -0.02, 0.35, 0.04, 0.27, -0.08, 0.19],
    "ties": [0.1, -0.1, 0.2, 0.2, 0.2, -0.3, 0.4, 0.1],
    "zeros": [0.0, 0.1, -0.2, 0.3, 0.0, 0.5],
    "zeros and ties": [0.0, 0.0, 0.1, 0.1, -0.1, 0.2, 0.2, -0.4],
    "all equal": [0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
    "all equal but zeros": [0.0, 0.2, 0.2, 0.0, 0.2],
    "two pairs": [0.1, 0.3],
    "one gain and one loss of equal size": [0.1, -0.1],
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
def test_p_is_the_share_of_sign_patterns_that_scipy_counts(name, alternative):
    values = np.array(CASES[name])
    every = PermutationMethod(n_resamples=2 ** len(values) + 1)
    expected = wilcoxon(values, zero_method="pratt", method=every, alternative=alternative).pvalue
    assert signed_rank_test(values, alternative).p == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_the_effect_is_that_of_scipys_rank_sums(name):
    values = np.array(CASES[name])
    every = PermutationMethod(n_resamples=10)
    up, down = (
        wilcoxon(sign * values, zero_method="pratt", alternative="greater", method=every).statistic for sign in (1, -1)
    )
    assert signed_rank_test(values).effect == pytest.approx((up - down) / (up + down))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_zeros_alone_differ_in_nothing_as_in_scipy():
    zeros = np.zeros(4)
    every = PermutationMethod(n_resamples=100)
    assert signed_rank_test(zeros).p == wilcoxon(zeros, zero_method="pratt", method=every).pvalue == 1.0
    assert signed_rank_test(zeros, "greater").p == 1.0


def test_many_pairs_of_which_few_differ_are_still_counted_exactly():
    values = np.concatenate([np.zeros(110), [0.1, 0.2, 0.3, 0.4]])
    by_hand = 2 / 2**4  # all four differences point one way: one sign pattern of 16 on each side
    assert signed_rank_test(values).p == by_hand
    assert signed_rank_test(values, "greater").p == by_hand / 2


def test_all_pairs_after_holm_are_those_of_scikit_posthocs():
    generator = np.random.default_rng(5)
    wide = generator.normal(size=(9, 4)) + np.array([0.0, 0.2, 1.5, 3.0])
    long = pd.DataFrame({"value": wide.T.ravel(), "cut": np.repeat(range(4), 9)})
    expected = scikit_posthocs.posthoc_wilcoxon(long, "value", "cut", p_adjust="holm", sort=True)
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    found = holm([signed_rank_test(wide[:, i] - wide[:, j]).p for i, j in pairs])
    assert found == pytest.approx([expected.iloc[i, j] for i, j in pairs])


def test_one_pair_has_two_sign_patterns():
    assert signed_rank_test([0.1]) == (1.0, 1.0)
    assert signed_rank_test([-0.1]) == (1.0, -1.0)
    assert signed_rank_test([0.1], "greater").p == 0.5
