"""What each condition yielded."""

import math

import pytest

from layercut.stats import estimates
from support.fake_results import fake_results


def test_numbers_are_those_of_the_replicates():
    table = fake_results(strategies=("scratch",), fractions=(0.1,), num_replicates=4)
    row = estimates(table).iloc[0]
    values = table["test_accuracy"]
    assert row["num_replicates"] == 4
    assert row["mean"] == pytest.approx(values.mean())
    assert row["median"] == pytest.approx(values.median())
    assert row["sd"] == pytest.approx(values.std(ddof=1))
    assert row["sem"] == pytest.approx(values.std(ddof=1) / 2)
    assert row["low"] < row["mean"] < row["high"]


def test_failed_trials_are_counted_and_left_out_of_the_mean():
    table = fake_results(strategies=("scratch",), fractions=(0.1,), num_replicates=4, failed=(1,))
    row = estimates(table).iloc[0]
    assert (row["num_replicates"], row["num_failed"]) == (3, 1)
    assert row["mean"] == pytest.approx(table["test_accuracy"].dropna().mean())


def test_a_condition_whose_trials_all_failed_stays_a_row():
    row = estimates(fake_results(strategies=("scratch",), fractions=(0.1,), num_replicates=2, failed=(0, 1))).iloc[0]
    assert (row["num_replicates"], row["num_failed"]) == (0, 2)
    assert math.isnan(row["mean"])


def test_one_replicate_has_a_mean_and_no_spread():
    row = estimates(fake_results(strategies=("scratch",), fractions=(0.1,), num_replicates=1)).iloc[0]
    assert not math.isnan(row["mean"])
    assert math.isnan(row["sd"])
    assert math.isnan(row["low"])


def test_an_empty_table_gives_an_empty_one():
    table = fake_results(fractions=(0.1,))
    empty = table.iloc[:0]
    empty.attrs = table.attrs
    assert estimates(empty).empty
