"""Paired differences: cases by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from layercut.stats import contrasts_to_scratch, holm, paired_contrast, signed_rank_test
from support.fake_results import fake_results


def test_six_gains_reach_the_least_p_of_six_pairs():
    test = signed_rank_test([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert test.p == 2 / 2**6
    assert test.effect == 1.0


def test_direction_changes_the_sign_of_the_effect_and_not_p():
    differences = np.array([0.1, -0.2, 0.3, 0.4, -0.05, 0.6])
    forth, back = signed_rank_test(differences), signed_rank_test(-differences)
    assert forth.p == back.p
    assert forth.effect == pytest.approx(-back.effect)


def test_ties_share_their_mean_rank():
    # ranks 1.5, 1.5, 3: the positive sum is 4.5 of 6; of 8 sign patterns 2 have a sum of 1.5 or less on one side
    # (0 and 1.5 twice make 3)
    test = signed_rank_test([-0.1, 0.1, 0.2])
    assert test.p == pytest.approx(2 * 3 / 8)
    assert test.effect == pytest.approx((4.5 - 1.5) / 6)


def test_differences_that_are_equal_up_to_rounding_are_ties():
    uneven = signed_rank_test([0.8 - 0.7, -(0.9 - 0.8), 0.2])
    assert uneven == signed_rank_test([0.1, -0.1, 0.2])


def test_zeros_take_part_in_ranking_and_then_leave():
    # Pratt: ranks of (0, 1, 2, 3) are 1..4; the zero's rank leaves, 2, 3 and 4 remain; all positive: p = 2 / 2^3
    test = signed_rank_test([0.0, 0.1, 0.2, 0.3])
    assert test.p == 0.25
    assert test.effect == 1.0


def test_all_zeros_differ_in_nothing():
    assert signed_rank_test([0.0, 0.0, 0.0]) == (1.0, 0.0)


def test_no_pairs_give_no_number():
    contrast = paired_contrast([], [])
    assert contrast.num_pairs == 0
    assert all(math.isnan(value) for value in contrast[1:])


def test_one_pair_gives_a_difference_without_interval():
    contrast = paired_contrast([0.9], [0.7])
    assert contrast.mean_difference == pytest.approx(0.2)
    assert math.isnan(contrast.low)
    assert contrast.p == 1.0


def test_equal_differences_give_an_interval_without_width():
    contrast = paired_contrast([0.9, 0.8, 0.7, 0.9, 0.8, 0.7], [0.8, 0.7, 0.6, 0.8, 0.7, 0.6])
    assert contrast.low == contrast.high == pytest.approx(0.1)


def test_so_few_pairs_that_nothing_can_be_significant_have_no_interval():
    contrast = paired_contrast([0.9, 0.8, 0.7], [0.8, 0.7, 0.6])
    assert contrast.mean_difference == pytest.approx(0.1)
    assert math.isnan(contrast.low)
    assert math.isnan(contrast.high)


def test_rows_of_different_length_are_refused():
    with pytest.raises(ValueError, match="one baseline for each value"):
        paired_contrast([0.1, 0.2], [0.1])


def test_holm_steps_down_and_never_decreases():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


def test_holm_leaves_missing_p_values_out_of_the_family():
    adjusted = holm([0.01, math.nan, 0.02])
    assert adjusted[0] == pytest.approx(0.02)
    assert math.isnan(adjusted[1])
    assert holm([]).size == 0


def test_pairs_are_matched_by_replicate_and_not_by_position():
    table = fake_results(strategies=("scratch", "freeze_reinit"), fractions=(0.1,), num_blocks=2)
    shuffled = table.sample(frac=1.0, random_state=1)
    shuffled.attrs = table.attrs
    expected = contrasts_to_scratch(table).set_index("cut").sort_index()
    pd.testing.assert_frame_equal(contrasts_to_scratch(shuffled).set_index("cut").sort_index(), expected)
    wide = table.pivot(index="replicate", columns=["strategy", "cut"], values="test_accuracy")
    by_hand = (wide["freeze_reinit"][1] - wide["scratch"][0]).mean()
    assert expected.loc[1, "mean_difference"] == pytest.approx(by_hand)


def test_a_replicate_that_failed_on_either_side_is_no_pair():
    table = fake_results(strategies=("scratch", "freeze_reinit"), fractions=(0.1,), num_blocks=2, failed=(0, 25))
    pairs = contrasts_to_scratch(table).set_index("cut")["num_pairs"]
    assert pairs.to_dict() == {0: 9, 1: 8, 2: 9}


def test_the_family_counts_each_distinct_comparison_once():
    rows = contrasts_to_scratch(fake_results(fractions=(0.1,), num_blocks=4))
    counts = rows.groupby("strategy")["num_comparisons"].first().to_dict()
    assert counts["freeze_reinit"] == 4  # cut 0 is scratch
    assert counts["freeze"] == 5
    assert counts["finetune"] == 1  # the same trials at every cut


def test_a_condition_that_is_scratch_has_no_p_value():
    rows = contrasts_to_scratch(fake_results(fractions=(0.1,)))
    same = rows[(rows["strategy"] == "freeze_reinit") & (rows["cut"] == 0)].iloc[0]
    assert same["mean_difference"] == 0.0
    assert math.isnan(same["p"])
    assert math.isnan(same["p_holm"])


def test_equivalent_names_have_the_same_difference():
    rows = contrasts_to_scratch(fake_results(fractions=(0.1,))).set_index(["strategy", "cut"])
    assert rows.loc[("freeze", 4), "mean_difference"] == rows.loc[("freeze_reinit", 4), "mean_difference"]


def test_contexts_are_never_compared_with_each_other():
    table = fake_results(sources=("a", "b"), fractions=(0.1,))
    both = contrasts_to_scratch(table)
    alone = table[table["source"] == "b"]
    alone.attrs = table.attrs
    expected = contrasts_to_scratch(alone)["mean_difference"].tolist()
    assert both[both["source"] == "b"]["mean_difference"].tolist() == expected


def test_a_table_without_scratch_has_no_contrasts():
    rows = contrasts_to_scratch(fake_results(strategies=("freeze_reinit",)))
    assert rows.empty
    assert "p_holm" in rows
