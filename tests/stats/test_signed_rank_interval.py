"""Intervals that go with the signed-rank test: they exclude 0 where it rejects, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layercut.significance import ALPHA
from layercut.stats import compare_strategies, contrasts_to_scratch
from layercut.stats.ranking import pairwise_contrasts
from layercut.stats.signed_rank import signed_rank_interval, signed_rank_test
from support.fake_results import fake_results

DEPRESSION = [-0.952, 0.147, -1.022, -0.430, -0.620, -0.590, -0.490, 0.080, -0.010]
"""Hollander, Wolfe and Chicken 2014, table 3.1: Hamilton depression scale factor IV, nine patients."""


def test_the_bounds_are_the_ordered_walsh_averages_of_the_tables():
    """With 9 pairs, 95.2 % (two-sided p = 0.048 at T = 5 of 45) leaves out the 5 outermost of 45 averages."""
    averages = sorted((a + b) / 2 for i, a in enumerate(DEPRESSION) for b in DEPRESSION[i:])
    low, high = signed_rank_interval(DEPRESSION, 0.05)
    assert (low, high) == pytest.approx((averages[5], averages[-6]))
    assert (round(low, 3), round(high, 3)) == (-0.786, -0.010)


def test_too_few_pairs_have_no_interval():
    assert np.isnan(signed_rank_interval([0.1, 0.2, 0.3, 0.4, 0.5], 0.05)).all()
    assert signed_rank_interval([0.1, 0.2, 0.3, 0.4, 0.5], 0.0625) == (0.1, 0.5)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(-20, 20), min_size=6, max_size=12),
    st.sampled_from([0.05, 0.1, 0.025]),
)
def test_an_interval_that_leaves_out_zero_never_stands_beside_a_test_that_does_not_reject(values, level):
    low, high = signed_rank_interval(np.array(values) / 100, level)
    if np.isfinite(low) and not low <= 0 <= high:
        assert signed_rank_test(np.array(values) / 100).p <= level


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-(10**6), 10**6).filter(bool), min_size=6, max_size=10, unique=True))
def test_without_ties_the_interval_leaves_out_zero_exactly_where_the_test_rejects(values):
    differences = np.array(values) / 10**6
    low, high = signed_rank_interval(differences, 0.05)
    rejected = signed_rank_test(differences).p <= 0.05
    assert rejected in (not low < 0 < high, not low <= 0 <= high)


@pytest.mark.parametrize("seed", range(4))
def test_every_interval_of_a_family_agrees_with_its_adjusted_p_value(seed):
    table = fake_results(fractions=(0.1,), num_replicates=10, seed=seed)
    for rows in (contrasts_to_scratch(table), pairwise_contrasts(table), compare_strategies(table, "freeze", "reinit")):
        known = rows[np.isfinite(rows["p_holm"]) & np.isfinite(rows["low"])]
        assert len(known) > 2
        excluded = (known["low"] > 0) | (known["high"] < 0)
        assert not (excluded & ~(known["p_holm"] <= ALPHA)).any()
        assert (known["num_comparisons"] > 1).any()


def test_an_interval_is_wider_the_more_is_compared():
    table = fake_results(fractions=(0.1,), num_replicates=10, strategies=("scratch", "freeze_reinit"))
    few = table[table["cut"].isin([0, 2])]
    rows, alone = (
        found[found["cut"] == 2].iloc[0] for found in (contrasts_to_scratch(table), contrasts_to_scratch(few))
    )
    assert rows["num_comparisons"] > alone["num_comparisons"] == 1
    assert rows["low"] <= alone["low"] <= alone["high"] <= rows["high"]
