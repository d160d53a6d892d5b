"""The rank-sum test and the interval of a difference of means, against scipy's."""

import numpy as np
import pytest
from scipy.stats import PermutationMethod, bootstrap, mannwhitneyu

from layercut.seeding import derive_seed
from layercut.stats import rank_sum_test
from layercut.stats.interval import NUM_RESAMPLES, difference_interval

CASES = {
    "plain": ([0.11, 0.52, 0.35, 0.04], [0.27, 0.81, 0.19, 0.66, 0.93]),
    "ties within": ([0.1, 0.1, 0.2], [0.3, 0.3, 0.4, 0.4]),
    "ties across": ([0.1, 0.2, 0.2, 0.3], [0.2, 0.3, 0.3, 0.4]),
    "one value against four": ([0.5], [0.1, 0.2, 0.3, 0.6]),
    "one against one": ([0.5], [0.1]),
    "apart": ([0.6, 0.7, 0.8, 0.9, 0.95], [0.1, 0.2, 0.3, 0.4, 0.5]),
    "unequal sizes": ([0.5, 0.6, 0.9], [0.1, 0.5, 0.5, 0.5, 0.5, 0.6, 0.7]),
}


@pytest.mark.parametrize("name", CASES)
def test_p_is_the_share_of_all_ways_to_deal_the_values(name):
    values, baseline = (np.array(sample) for sample in CASES[name])
    if min(len(values), len(baseline)) > 1:
        every = PermutationMethod(n_resamples=np.inf)
        expected = mannwhitneyu(values, baseline, method=every, use_continuity=False).pvalue
    else:  # scipy's permutations want two values; without ties its exact distribution does
        expected = mannwhitneyu(values, baseline, method="exact").pvalue
    assert rank_sum_test(values, baseline).p == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("first", "second"), [(10, 10), (10, 25), (3, 40)])
def test_without_ties_p_is_scipys_exact_one(first, second):
    generator = np.random.default_rng(first + second)
    values, baseline = generator.normal(0.6, 1, first), generator.normal(0, 1, second)
    expected = mannwhitneyu(values, baseline, method="exact").pvalue
    assert rank_sum_test(values, baseline).p == pytest.approx(expected, rel=1e-9)
    assert rank_sum_test(baseline, values).p == pytest.approx(expected, rel=1e-9)


def test_many_values_take_scipys_approximation():
    generator = np.random.default_rng(0)
    values, baseline = generator.normal(0.3, 1, 60), generator.normal(0, 1, 50)
    assert rank_sum_test(values, baseline).p == mannwhitneyu(values, baseline, method="asymptotic").pvalue


@pytest.mark.parametrize("name", CASES)
def test_the_effect_is_the_share_of_wins_less_that_of_losses(name):
    values, baseline = (np.array(sample) for sample in CASES[name])
    signs = np.sign(values[:, None] - baseline[None, :])
    assert rank_sum_test(values, baseline).effect == pytest.approx(signs.mean())


def test_equal_values_differ_in_nothing_and_empty_samples_say_nothing():
    assert rank_sum_test([0.5, 0.5], [0.5, 0.5, 0.5]) == (1.0, 0.0)
    assert np.isnan(rank_sum_test([], [0.5])).all()
    assert np.isnan(rank_sum_test([0.5], [])).all()


@pytest.mark.parametrize("name", [name for name, samples in CASES.items() if min(map(len, samples)) > 1])
def test_the_interval_is_that_of_scipys_bootstrap_with_the_same_generator(name):
    samples = [np.round(np.sort(sample) * 1024) / 1024 for sample in CASES[name]]  # sums are exact
    generator = np.random.default_rng(derive_seed(0, "bootstrap", *map(len, samples)))
    expected = bootstrap(
        samples,
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        method="BCa",
        n_resamples=NUM_RESAMPLES,
        rng=generator,
        vectorized=True,
    )
    assert difference_interval(*samples) == pytest.approx(list(expected.confidence_interval), rel=1e-6, abs=1e-9)


def test_an_interval_needs_two_values_in_each_sample_and_has_no_width_where_nothing_varies():
    assert np.isnan(difference_interval(np.array([0.5]), np.array([0.1, 0.2]))).all()
    assert np.isnan(difference_interval(np.array([]), np.array([]))).all()
    assert difference_interval(np.full(3, 0.75), np.full(4, 0.5)) == (0.25, 0.25)
