"""Bootstrap intervals of means."""

import numpy as np

from layercut.stats.interval import mean_intervals


def _samples(*lengths):
    generator = np.random.default_rng(3)
    return [generator.normal(size=length) for length in lengths]


def test_an_interval_depends_on_its_own_sample_only():
    one, two, three = _samples(10, 10, 7)
    together = mean_intervals([one, two, three])
    assert np.array_equal(mean_intervals([two])[0], together[1])
    assert np.array_equal(mean_intervals([three, one]), together[[2, 0]])


def test_the_mean_lies_inside():
    for sample, (low, high) in zip(_samples(5, 10, 25), mean_intervals(_samples(5, 10, 25)), strict=True):
        assert low < sample.mean() < high


def test_equal_values_give_that_value_and_single_ones_nothing():
    bounds = mean_intervals([np.full(4, 0.1 + 0.2), np.array([0.5]), np.array([])])
    assert bounds[0].tolist() == [0.1 + 0.2] * 2
    assert np.isnan(bounds[1:]).all()


def test_no_samples_give_an_empty_array():
    assert mean_intervals([]).shape == (0, 2)
