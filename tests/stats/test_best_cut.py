"""The choice of a cut."""

import math

import numpy as np

from layercut.stats import best_cuts, contrasts_to_scratch, estimates, good_enough, undecided
from support.fake_results import fake_results


def test_the_choice_looks_at_validation_and_the_report_at_test_accuracy():
    table = fake_results(fractions=(0.1,))
    lucky = (table["strategy"] == "freeze") & (table["cut"] == 1)
    table.loc[lucky, "test_accuracy"] = 1.0
    (best,) = best_cuts(table)
    rows = estimates(table).set_index(["strategy", "cut"])
    assert best.chosen_on == "validation"
    assert best.mean_validation == rows["mean_validation"].max()
    assert (best.strategy, best.cut) != ("freeze", 1)
    assert best.mean_test == rows.loc[(best.strategy, best.cut), "mean"] < 1.0


def test_without_validation_nothing_is_chosen_and_the_fraction_is_named():
    table = fake_results(fractions=(0.01, 0.1))
    table.loc[table["fraction"] == 0.01, "validation_accuracy"] = math.nan
    assert [best.fraction for best in best_cuts(table)] == [0.1]
    ((_, fraction, num_conditions),) = undecided(estimates(table))
    assert (fraction, num_conditions) == (0.01, 19)
    assert set(good_enough(table)["fraction"]) == {0.1}


def test_a_condition_without_validation_is_not_chosen_however_good_it_is_on_test_images():
    table = fake_results(fractions=(0.1,))
    lucky = (table["strategy"] == "freeze") & (table["cut"] == 1)
    table.loc[lucky, ["test_accuracy", "validation_accuracy"]] = 1.0
    table.loc[lucky & (table["replicate"] == 0), "validation_accuracy"] = math.nan
    (best,) = best_cuts(table)
    assert (best.strategy, best.cut) != ("freeze", 1)
    assert (best.num_candidates, best.num_unjudged) == (18, 1)
    by_strategy = {one.strategy: one for one in best_cuts(table, by_strategy=True)}
    assert by_strategy["freeze"].cut != 1


def test_the_only_condition_needs_no_choice():
    table = fake_results(fractions=(0.1,), strategies=("scratch",), validation=False)
    (best,) = best_cuts(table)
    assert (best.strategy, best.num_candidates) == ("scratch", 1)
    assert undecided(estimates(table)) == []


def test_the_difference_is_the_one_of_the_table_of_contrasts():
    table = fake_results(fractions=(0.1,))
    (best,) = best_cuts(table)
    rows = contrasts_to_scratch(table).set_index(["strategy", "cut"])
    row = rows.loc[(best.strategy, best.cut)]
    assert best.contrast is not None
    assert best.contrast.mean_difference == row["mean_difference"]
    assert best.p_holm == row["p_holm"]


def test_of_equally_good_conditions_the_one_that_trains_least_is_taken():
    table = fake_results(fractions=(0.1,))
    table["validation_accuracy"] = 0.9
    (best,) = best_cuts(table)
    assert (best.strategy, best.cut) == ("freeze_reinit", 4)  # only the head is trained


def test_a_condition_that_equals_scratch_is_called_scratch():
    table = fake_results(fractions=(0.1,))
    nothing_kept = table["condition"].str.contains("'scratch'")
    table.loc[nothing_kept, "validation_accuracy"] = 1.0
    (best,) = best_cuts(table)
    assert best.strategy == "scratch"
    assert best.contrast is None


def test_clearly_worse_rivals_are_distinguishable_and_equal_ones_are_not():
    table = fake_results(fractions=(0.01,), num_replicates=12)
    (best,) = best_cuts(table)
    assert ("scratch", None) not in best.indistinguishable
    twin = (table["strategy"] == "freeze_reinit") & (table["cut"] == 1)
    chosen = (table["strategy"] == best.strategy) & (table["cut"] == best.cut)
    table.loc[twin, "test_accuracy"] = table.loc[chosen, "test_accuracy"].to_numpy()
    (best,) = best_cuts(table)
    assert ("freeze_reinit", 1) in best.indistinguishable
    assert best.better == ()


def test_a_rival_that_is_better_on_test_is_named():
    table = fake_results(fractions=(0.01,), num_replicates=12)
    table.loc[(table["strategy"] == "freeze_reinit") & (table["cut"] == 1), "test_accuracy"] = 1.0
    chosen = (table["strategy"] == "freeze_reinit") & (table["cut"] == 2)
    table.loc[chosen, "test_accuracy"] = np.linspace(0.8, 0.9, 12)
    (best,) = best_cuts(table)
    assert (best.strategy, best.cut) == ("freeze_reinit", 2)
    assert ("freeze_reinit", 1) in best.better


def test_each_strategy_has_its_own_best_cut():
    found = best_cuts(fake_results(fractions=(0.1,)), by_strategy=True)
    assert sorted(best.strategy for best in found if best.strategy != "scratch") == [
        "finetune", "freeze", "freeze_reinit", "freeze_truncate", "reinit", "truncate",
    ]  # fmt: skip


def test_every_context_and_fraction_has_an_answer():
    table = fake_results(sources=("a", "b"), factors={"optimizer": ("adam", "sgd")}, fractions=(0.1, 1.0))
    found = best_cuts(table)
    assert len(found) == 8
    assert {best.context.factors for best in found} == {(("optimizer", "adam"),), (("optimizer", "sgd"),)}


def test_a_study_of_failures_has_no_answer():
    table = fake_results(fractions=(0.1,), num_replicates=1, strategies=("scratch", "freeze_reinit"), num_blocks=1)
    failed = fake_results(
        fractions=(0.1,), num_replicates=1, strategies=("scratch", "freeze_reinit"), num_blocks=1,
        failed=range(len(table)),
    )  # fmt: skip
    assert best_cuts(failed) == []
