"""Rank groups as letters."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from hypothesis import given, settings
from hypothesis import strategies as st

from layercut.stats import pairwise_contrasts, rank_groups
from layercut.stats.ranking import compact_letters
from support.fake_results import fake_results


def _with(means, num_replicates=12, spread=0.001):
    """Return a study whose freeze_reinit cuts have these mean accuracies, with unequal differences."""
    table = fake_results(
        strategies=("scratch", "freeze_reinit"), fractions=(0.1,), num_blocks=len(means) - 1,
        num_replicates=num_replicates,
    )  # fmt: skip
    generator = np.random.default_rng(0)
    for cut, mean in enumerate(means):
        rows = (table["strategy"] == "freeze_reinit") & (table["cut"] == cut)
        table.loc[rows, "test_accuracy"] = mean + generator.normal(0, spread, num_replicates)
    return table


@st.composite
def _relations(draw):
    number = draw(st.integers(1, 7))
    pairs = list(combinations(range(number), 2))
    return number, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []


@settings(deadline=None, max_examples=300)
@given(_relations())
def test_two_share_a_letter_exactly_if_they_are_not_told_apart(relation):
    number, apart = relation
    letters = compact_letters(number, apart)
    assert all(letters)
    for first, second in combinations(range(number), 2):
        assert bool(set(letters[first]) & set(letters[second])) == ((first, second) not in apart)


@settings(deadline=None, max_examples=100)
@given(_relations())
def test_no_letter_is_there_for_nothing(relation):
    number, apart = relation
    letters = compact_letters(number, apart)
    for letter in set("".join(letters)):
        rest = [set(text) - {letter} for text in letters]
        pairs = [(i, j) for i, j in combinations(range(number), 2) if (i, j) not in apart]
        assert not (all(rest) and all(rest[i] & rest[j] for i, j in pairs))


def test_letters_worked_by_hand():
    assert compact_letters(1, []) == ["a"]
    assert compact_letters(3, []) == ["a", "a", "a"]
    assert compact_letters(3, [(0, 1), (0, 2), (1, 2)]) == ["a", "b", "c"]
    assert compact_letters(4, [(0, 2), (0, 3), (1, 3)]) == ["a", "ab", "bc", "c"]
    assert compact_letters(4, [(0, 1), (2, 3)]) == ["ab", "cd", "ac", "bd"]  # a square: no order explains it


def test_fifty_three_groups_still_have_letters_of_their_own():
    letters = compact_letters(53, combinations(range(53), 2))
    assert len(set(letters)) == 53
    assert letters[52] == "a′"


@pytest.mark.parametrize("seed", range(5))
def test_the_groups_are_those_of_scikit_posthocs(seed):
    generator = np.random.default_rng(seed)
    p_values = np.triu(generator.uniform(0, 0.2, (6, 6)), 1)
    p_values = p_values + p_values.T + np.eye(6)
    apart = [(i, j) for i, j in combinations(range(6), 2) if p_values[i, j] < 0.05]
    theirs = [set(text) - {" "} for text in scikit_posthocs.compact_letter_display(pd.DataFrame(p_values), alpha=0.05)]
    ours = [set(text) for text in compact_letters(6, apart)]
    for i, j in combinations(range(6), 2):
        assert bool(ours[i] & ours[j]) == bool(theirs[i] & theirs[j])


def test_the_best_cut_has_the_first_letter_and_clear_steps_are_told_apart():
    rows = rank_groups(_with([0.5, 0.9, 0.7])).set_index("cut")
    assert rows["letters"].to_dict() == {0: "c", 1: "a", 2: "b"}
    assert rows["num_comparisons"].unique().tolist() == [3]
    assert rows.loc[1, "mean"] == pytest.approx(0.9, abs=0.001)


def test_letters_say_what_the_pairs_say():
    table = fake_results(fractions=(0.01, 1.0))
    pairs, letters = pairwise_contrasts(table), rank_groups(table).set_index(["strategy", "fraction", "cut"])["letters"]
    assert len(pairs) == 2 * 5 * 10  # five strategies with distinct cuts
    for row in pairs.itertuples():
        one, other = (set(letters[row.strategy, row.fraction, cut]) for cut in (row.cut, row.other_cut))
        assert bool(one & other) == (not row.p_holm < 0.05)


def test_cuts_that_are_the_same_trials_are_one_group_and_no_pair():
    rows = rank_groups(fake_results(strategies=("scratch", "finetune"), fractions=(0.1,)))
    assert rows["letters"].tolist() == ["a"] * 5
    assert set(rows["num_comparisons"]) == {0}
    assert rows["least_p"].isna().all()
    assert pairwise_contrasts(fake_results(strategies=("scratch", "finetune"), fractions=(0.1,))).empty


def test_too_few_replicates_leave_all_in_one_group_and_say_what_they_could_reach():
    rows = rank_groups(_with([0.1, 0.5, 0.9], num_replicates=5))
    assert set(rows["letters"]) == {"a"}
    assert set(rows["least_p"]) == {3 * 2 / 2**5}


@pytest.mark.parametrize("num_replicates", [1, 2])
def test_one_or_two_replicates_tell_nothing_apart(num_replicates):
    assert set(rank_groups(_with([0.1, 0.9], num_replicates))["letters"]) == {"a"}


def test_a_cut_whose_trials_all_failed_has_no_letter():
    table = _with([0.1, 0.5, 0.9])
    table.loc[(table["strategy"] == "freeze_reinit") & (table["cut"] == 1), ["status", "test_accuracy"]] = [
        "diverged", np.nan,
    ]  # fmt: skip
    rows = rank_groups(table).set_index("cut")
    assert rows["letters"].to_dict() == {0: "b", 2: "a"}
    assert set(rows["num_comparisons"]) == {1}


def test_an_empty_table_has_columns_and_no_rows():
    table = fake_results().iloc[:0]
    assert rank_groups(table).empty
    assert "letters" in rank_groups(table)
    assert "p_holm" in pairwise_contrasts(table)
