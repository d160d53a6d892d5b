"""Not worse by more than a margin."""

import numpy as np
import pytest
from scipy.stats import PermutationMethod, wilcoxon
from statsmodels.stats.weightstats import ttost_paired

from layercut.errors import UserError
from layercut.stats import best_cuts, equivalence_test, good_enough
from support.fake_results import fake_results

CASES = {
    "close": [-0.002, 0.004, 0.001, -0.001, 0.003, 0.0],
    "worse": [-0.02, -0.03, -0.01, -0.015, -0.025, -0.02],
    "better": [0.02, 0.03, 0.015, 0.02, 0.04, 0.01],
    "at the margin": [-0.01, -0.01, -0.01, 0.0, -0.01, -0.02],
    "all equal": [0.0, 0.0, 0.0, 0.0, 0.0],
}


@pytest.mark.parametrize("name", CASES)
def test_p_values_are_scipys_of_the_shifted_differences(name):
    values, margin = np.array(CASES[name]), 0.01
    every = {"zero_method": "pratt", "method": PermutationMethod(n_resamples=2**10), "alternative": "greater"}
    below = wilcoxon(np.round(values + margin, 12), **every).pvalue
    above = wilcoxon(np.round(margin - values, 12), **every).pvalue
    assert equivalence_test(values, margin) == pytest.approx((below, max(below, above)))


def test_it_agrees_with_the_paired_t_tests_of_statsmodels_on_normal_differences():
    differences = np.random.default_rng(4).normal(0.001, 0.006, 40)
    expected, lower, _ = ttost_paired(differences, np.zeros(40), -0.002, 0.002)
    found = equivalence_test(differences, 0.002)
    assert found.p_not_worse == pytest.approx(lower[1], abs=0.02)
    assert found.p_equivalent == pytest.approx(expected, abs=0.05)


def test_a_better_condition_is_not_worse_and_not_equivalent():
    found = equivalence_test([0.03, 0.02, 0.04, 0.05, 0.025, 0.03], 0.01)
    assert found.p_not_worse == 1 / 2**6
    assert found.p_equivalent == 1.0


def test_few_replicates_show_nothing():
    assert equivalence_test([0.0, 0.0, 0.0, 0.0], 0.01).p_not_worse == 1 / 2**4  # 4 cannot fall below 0.05
    assert equivalence_test([0.0], 0.01).p_not_worse == 0.5
    assert np.isnan(equivalence_test([], 0.01)).all()


def test_differences_of_exactly_the_margin_show_nothing():
    assert equivalence_test([-0.01] * 8, 0.01).p_not_worse == 1.0


@pytest.mark.parametrize("margin", [0, -0.01, np.inf, np.nan])
def test_a_margin_that_is_none_is_refused(margin):
    with pytest.raises(UserError, match="margin must be above 0"):
        good_enough(fake_results(fractions=(0.1,)), margin=margin)


def _twin_of_the_best(offset):
    """Return a study in which scratch is the best condition's accuracy plus `offset`."""
    table = fake_results(fractions=(0.01,), num_replicates=14)
    (best,) = best_cuts(table)
    chosen = (table["strategy"] == best.strategy) & (table["cut"] == best.cut)
    accuracy = table.loc[chosen].set_index("replicate")["test_accuracy"]
    same = table["condition"] == table.loc[table["strategy"] == "scratch", "condition"].iloc[0]
    table.loc[same, "test_accuracy"] = table.loc[same, "replicate"].map(accuracy) + offset
    return table, best


def test_a_condition_like_the_best_is_shown_to_be_good_enough_and_one_beyond_the_margin_is_not():
    table, best = _twin_of_the_best(-0.004)
    row = good_enough(table, margin=0.01).set_index("strategy").loc["scratch"]
    assert (row["reference_strategy"], row["reference_cut"]) == (best.strategy, best.cut)
    assert row["mean_difference"] == pytest.approx(-0.004)
    assert row["not_worse"]
    assert row["equivalent"]
    table, _ = _twin_of_the_best(-0.02)
    row = good_enough(table, margin=0.01).set_index("strategy").loc["scratch"]
    assert not row["not_worse"]


def test_every_other_distinct_condition_is_asked_once():
    rows = good_enough(fake_results(fractions=(0.1,)))
    assert len(rows) == 5 * 4 - 1 - 1
    assert rows["condition"].is_unique
    assert set(rows["num_comparisons"]) == {len(rows)}


def test_the_reference_may_be_named():
    rows = good_enough(fake_results(fractions=(0.1,)), reference=("finetune", 0))
    assert set(rows["reference_strategy"]) == {"finetune"}
    assert "finetune" not in set(rows["strategy"])


def test_a_reference_that_was_not_run_gives_no_rows():
    assert good_enough(fake_results(strategies=("scratch", "freeze")), reference=("reinit", 1)).empty
    assert good_enough(fake_results().iloc[:0]).empty
