"""Two strategies against each other."""

import numpy as np
import pandas as pd
import pytest

from layercut.errors import UserError
from layercut.stats import best_cuts, compare_strategies, contrasts_to_scratch, paired_contrast
from support.fake_results import fake_results


def test_each_cut_is_the_paired_contrast_of_its_replicates():
    table = fake_results(fractions=(0.1,))
    rows = compare_strategies(table, "freeze_reinit", "reinit")
    wide = table.pivot(index="replicate", columns=["strategy", "cut"], values="test_accuracy")
    at = rows[rows["at"] == "cut"].set_index("cut")
    for cut in (1, 2, 3, 4):
        expected = paired_contrast(wide["freeze_reinit", cut], wide["reinit", cut])
        point = ["num_pairs", "mean_difference", "p", "effect"]
        assert tuple(at.loc[cut, point]) == pytest.approx(tuple(getattr(expected, name) for name in point))
        assert at.loc[cut, "low"] <= expected.low <= expected.high <= at.loc[cut, "high"], "adjusted for all cuts"


def test_over_all_cuts_a_replicate_counts_once():
    table = fake_results(fractions=(0.1,))
    rows = compare_strategies(table, "freeze_reinit", "reinit").set_index("at")
    wide = table.pivot(index="replicate", columns=["strategy", "cut"], values="test_accuracy")
    cuts = [1, 2, 3, 4]  # at cut 0 both are scratch
    expected = paired_contrast(wide["freeze_reinit"][cuts].mean(axis=1), wide["reinit"][cuts].mean(axis=1))
    assert rows.loc["all cuts", "num_pairs"] == 10
    assert rows.loc["all cuts", "mean_difference"] == pytest.approx(expected.mean_difference)
    assert rows.loc["all cuts", "p"] == expected.p


def test_best_cuts_are_those_chosen_on_validation_accuracy():
    table = fake_results(fractions=(0.1,))
    chosen = {best.strategy: best.cut for best in best_cuts(table, by_strategy=True)}
    row = compare_strategies(table, "freeze_reinit", "truncate").set_index("at").loc["best cuts"]
    assert (row["cut"], row["baseline_cut"]) == (chosen["freeze_reinit"], chosen["truncate"])


def test_the_same_trials_are_no_comparison():
    rows = compare_strategies(fake_results(fractions=(0.1,)), "freeze_reinit", "reinit").set_index(["at", "cut"])
    assert np.isnan(rows.loc[("cut", 0), "p"])
    assert rows.loc[("cut", 1), "num_comparisons"] == 4


def test_against_scratch_it_is_the_table_of_contrasts():
    table = fake_results(fractions=(0.1, 1.0))
    found = compare_strategies(table, "freeze", "scratch")
    found = found[found["at"] == "cut"].set_index(["fraction", "cut"])[["mean_difference", "p", "p_holm"]]
    expected = contrasts_to_scratch(table)
    expected = expected[expected["strategy"] == "freeze"].set_index(["fraction", "cut"])
    pd.testing.assert_frame_equal(found.sort_index(), expected[["mean_difference", "p", "p_holm"]].sort_index())


def test_strategies_without_cuts_are_compared_once():
    rows = compare_strategies(fake_results(fractions=(0.1,)), "finetune", "scratch")
    assert set(rows["num_comparisons"]) == {1}
    assert rows["p"].nunique() == 1


def test_names_that_are_unknown_or_equal_are_refused():
    table = fake_results(fractions=(0.1,), strategies=("scratch", "freeze"))
    with pytest.raises(UserError, match="no strategy 'freez'; did you mean 'freeze'"):
        compare_strategies(table, "freez", "scratch")
    with pytest.raises(UserError, match="two strategies"):
        compare_strategies(table, "freeze", "freeze")


def test_one_replicate_and_failed_trials():
    table = fake_results(fractions=(0.1,), num_replicates=1)
    assert compare_strategies(table, "freeze", "reinit")["low"].isna().all()
    everything = fake_results(fractions=(0.1,), num_replicates=1, failed=range(len(table)))
    assert compare_strategies(everything, "freeze", "reinit").empty
