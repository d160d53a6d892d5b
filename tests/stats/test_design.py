"""Which rows belong together, whatever was done to the table before."""

from io import StringIO

import pandas as pd
import pytest

from layercut.errors import UserError
from layercut.stats import Context, best_cuts, compare_studies, contexts, estimates, finished
from support.fake_results import fake_results

LEVELS = {"optimizer": ("adam", "sgd"), "size": ("8", "32")}


def study(name="fake", **change):
    """Return a study of 4 factor levels, which are all that tells many of its rows apart."""
    settings = {"strategies": ("scratch", "freeze"), "fractions": (0.1,), "num_replicates": 9, "factors": LEVELS}
    return fake_results(**settings | change).assign(study=name)


def as_read_again(table):
    """Return a table as it comes back from a file."""
    return pd.read_csv(StringIO(table.to_csv(index=False)))


@pytest.mark.parametrize(
    "changed",
    [
        lambda table: table.merge(table[["key"]].assign(note="x").drop_duplicates(), on="key"),
        as_read_again,
        lambda table: pd.concat([table.iloc[:30], table.iloc[30:]], ignore_index=True),
        lambda table: pd.DataFrame(table.to_dict("list")),
    ],
    ids=["merge", "read_csv", "concat", "built anew"],
)
def test_levels_of_factors_outlive_what_is_done_to_a_table(changed):
    table = study()
    pd.testing.assert_frame_equal(estimates(changed(table)), estimates(table), check_dtype=False)
    assert len(finished(changed(table))) == len(table)
    assert best_cuts(changed(table)) == best_cuts(table)


def test_a_table_of_two_studies_keeps_all_rows_of_both_in_contexts_of_their_own():
    both = pd.concat([study("one"), study("other", seed=1)], ignore_index=True)
    assert estimates(both)["num_replicates"].sum() == len(both)
    assert [context.study for context, _ in contexts(both)] == ["one"] * 4 + ["other"] * 4
    assert best_cuts(both) == [*best_cuts(study("one")), *best_cuts(study("other", seed=1))]


def test_a_study_without_a_factor_has_an_empty_level_beside_one_that_has_it():
    both = pd.concat([study("with"), study("without", factors=None)], ignore_index=True)
    found = [context for context, _ in contexts(both)]
    assert found[-1] == Context(*found[0][:3], (("optimizer", ""), ("size", "")), "without")
    assert [context for context, _ in contexts(as_read_again(both))] == found
    assert estimates(both)["num_replicates"].sum() == len(both)


@pytest.mark.parametrize("use", [estimates, finished, best_cuts])
def test_two_rows_of_one_design_point_and_replicate_are_refused_by_name(use):
    twice = pd.concat([study(), study(seed=1).iloc[11:13]], ignore_index=True)
    named = r"rows 11 and 216 of this table are both .* study fake, factor_optimizer adam, .*freeze, .*replicate 2 \(2 "
    with pytest.raises(UserError, match=named):
        use(twice)


def test_a_merge_that_repeats_trials_is_refused():
    table = study()
    epochs = pd.concat([table[["key"]].drop_duplicates().assign(epoch=epoch) for epoch in (1, 2)])
    with pytest.raises(UserError, match="drop rows that a merge has repeated"):
        estimates(table.merge(epochs, on="key"))


def test_a_table_that_is_no_results_table_is_refused_by_its_columns():
    with pytest.raises(UserError, match=r"without target, model, .*\(it has source, mean\)"):
        estimates(pd.DataFrame({"source": ["a"], "mean": [1.0]}))


def test_several_studies_in_one_side_of_a_comparison_are_refused():
    both = pd.concat([study("one"), study("other")], ignore_index=True)
    with pytest.raises(UserError, match=r"one study in each table; got one of one, other"):
        compare_studies(both, study("one"))


def test_what_is_done_at_a_design_point_outlives_a_file():
    table = study()
    read = pd.read_csv(StringIO(table.to_csv(index=False)))
    named = ["strategy", "cut", "cutless", "transfers", "treatment"]
    assert estimates(read)[named].equals(estimates(table)[named])
    assert [best.point for best in best_cuts(read)] == [best.point for best in best_cuts(table)]


def test_rows_of_a_table_that_does_not_say_what_was_done_are_named_by_their_cut():
    told, untold = study("told"), study("untold").drop(columns=["cutless", "transfers", "treatment"])
    rows = estimates(pd.concat([told, untold], ignore_index=True))
    own = rows[rows["study"] == "untold"]
    assert set(own["treatment"]) == {""}
    assert own["cutless"].equals(own["strategy"] == "scratch")
    assert own["transfers"].equals(own["strategy"] != "scratch")
    assert set(rows[rows["study"] == "told"]["treatment"]) == set(told["treatment"])
