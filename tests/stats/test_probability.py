"""How sure the winner is."""

from itertools import product

import numpy as np
import pytest

from layercut.stats import probability_best
from layercut.stats.probability import share_of_wins
from support.fake_results import fake_results


def _enumerated(values):
    """Return the exact share over all n^n draws of rows."""
    shares = np.zeros(values.shape[1])
    for draw in product(range(len(values)), repeat=len(values)):
        means = values[list(draw)].mean(axis=0).round(12)
        best = means == means.max()
        shares += best / best.sum()
    return shares / len(values) ** len(values)


VALUES = {
    "no ties": np.array([[0.91, 0.90], [0.85, 0.87], [0.95, 0.93], [0.88, 0.89]]),
    "ties": np.array([[0.9, 0.8, 0.9], [0.7, 0.8, 0.7], [0.8, 0.8, 0.8]]),
    "all equal": np.full((4, 3), 0.5),
    "one always best": np.array([[0.9, 0.1], [0.8, 0.2]]),
}


@pytest.mark.parametrize("name", VALUES)
def test_shares_are_those_of_all_possible_draws(name):
    found = share_of_wins(VALUES[name], np.random.default_rng(0))
    assert found == pytest.approx(_enumerated(VALUES[name]), abs=0.02)  # four standard errors of 9,999 draws
    assert found.sum() == pytest.approx(1)


def test_equal_columns_share_every_draw():
    assert share_of_wins(VALUES["all equal"]) == pytest.approx([1 / 3] * 3)
    assert share_of_wins(np.full((3, 1), 0.5)).tolist() == [1.0]


def test_fewer_than_two_replicates_say_nothing():
    assert np.isnan(share_of_wins(np.array([[0.9, 0.1]]))).all()
    assert np.isnan(share_of_wins(np.empty((0, 2)))).all()


def test_pairing_is_kept():
    steady = np.random.default_rng(1).normal(0.8, 0.1, 10)
    values = np.stack([steady, steady - 0.001], axis=1)  # replicates vary far more than the difference
    assert share_of_wins(values).tolist() == [1.0, 0.0]


def test_the_generator_decides_and_the_default_is_always_the_same():
    values = VALUES["no ties"]
    assert share_of_wins(values).tolist() == share_of_wins(values).tolist()
    one, other = (share_of_wins(values, np.random.default_rng(seed)) for seed in (1, 2))
    assert one.tolist() != other.tolist()


def test_probabilities_of_each_fraction_sum_to_one_and_equivalent_names_are_one_row():
    rows = probability_best(fake_results(fractions=(0.01, 1.0)))
    assert rows.groupby("fraction")["probability"].sum().tolist() == pytest.approx([1, 1])
    assert len(rows) == 2 * (5 * 4 - 1)  # distinct conditions of seven strategies on four blocks
    assert rows["condition"].is_unique


def test_by_strategy_each_has_its_own_winner():
    rows = probability_best(fake_results(fractions=(0.1,)), by_strategy=True)
    assert rows.groupby("strategy")["probability"].sum().tolist() == pytest.approx([1] * 7)
    assert rows[rows["strategy"] == "finetune"]["probability"].tolist() == [1.0]


def test_a_replicate_that_failed_anywhere_is_left_out_everywhere():
    table = fake_results(strategies=("scratch", "finetune"), fractions=(0.1,), num_replicates=6, failed=(2,))
    rows = probability_best(table)
    assert set(rows["num_replicates"]) == {5}


def test_a_number_does_not_depend_on_the_rest_of_the_table():
    both, one = fake_results(fractions=(0.1, 1.0)), fake_results(fractions=(0.1, 1.0))
    one = one[one["fraction"] == 1.0]
    one.attrs = both.attrs
    expected = probability_best(one)["probability"].tolist()
    found = probability_best(both)
    assert found[found["fraction"] == 1.0]["probability"].tolist() == expected


def test_an_empty_table_has_columns_and_no_rows():
    assert "probability" in probability_best(fake_results().iloc[:0])
