"""Our statistics against scipy's and statsmodels'."""

import numpy as np
import pytest
from scipy.stats import PermutationMethod, bootstrap, wilcoxon
from statsmodels.stats.multitest import multipletests

from layercut.seeding import derive_seed
from layercut.stats import holm, signed_rank_test
from layercut.stats.interval import NUM_RESAMPLES, mean_intervals

CASES = {
    "no ties": [0.11, -0.02, 0.35, 0.04, 0.27, -0.08, 0.19, 0.06],
    "ties": [0.1, -0.1, 0.2, 0.2, 0.2, -0.3, 0.4, 0.1, 0.1],
    "zeros": [0.0, 0.1, -0.2, 0.3, 0.0, 0.5, 0.4, 0.6],
    "zeros and ties": [0.0, 0.0, 0.1, 0.1, -0.1, 0.2, 0.2, -0.4, 0.3],
    "all losses": [-0.1, -0.2, -0.3, -0.4, -0.5, -0.6],
    "two pairs": [0.1, 0.3],
}


@pytest.mark.parametrize("name", CASES)
def test_signed_rank_p_is_that_of_every_sign_pattern(name):
    values = np.array(CASES[name])
    exact = PermutationMethod(n_resamples=2 ** len(values) + 1)
    expected = wilcoxon(values, zero_method="pratt", method=exact).pvalue
    assert signed_rank_test(values).p == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("num_pairs", [6, 10, 25, 50])
def test_signed_rank_p_without_ties_is_scipys_exact_one(num_pairs):
    values = np.random.default_rng(num_pairs).normal(0.3, 1.0, num_pairs)
    assert signed_rank_test(values).p == pytest.approx(wilcoxon(values, method="exact").pvalue, rel=1e-9)


def test_exact_and_approximate_p_meet_where_one_takes_over():
    values = np.random.default_rng(0).normal(0.15, 1.0, 100)
    approximate = wilcoxon(values, zero_method="pratt", method="asymptotic").pvalue
    assert signed_rank_test(values).p == pytest.approx(approximate, rel=0.02)
    longer = np.append(values, 0.01)
    assert signed_rank_test(longer).p == wilcoxon(longer, zero_method="pratt", method="asymptotic").pvalue


@pytest.mark.parametrize("size", [1, 2, 7, 21])
def test_holm_is_that_of_statsmodels(size):
    p_values = np.random.default_rng(size).uniform(0, 0.2, size)
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    tied = np.round(p_values, 1)
    assert holm(tied) == pytest.approx(multipletests(tied, method="holm")[1])


@pytest.mark.parametrize("sample", [*CASES.values(), [0.9, 0.9, 0.9, 0.2], list(np.geomspace(0.01, 1, 30))])
def test_intervals_are_those_of_scipys_bootstrap_with_the_same_generator(sample):
    sample = np.round(np.sort(sample) * 1024) / 1024  # sums are exact: scipy too sees which means are equal
    generator = np.random.default_rng(derive_seed(0, "bootstrap", len(sample)))
    expected = bootstrap((sample,), np.mean, method="BCa", n_resamples=NUM_RESAMPLES, rng=generator)
    found = mean_intervals([sample])[0]
    assert found == pytest.approx(list(expected.confidence_interval), rel=1e-6, abs=1e-9)
