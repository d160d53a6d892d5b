"""Trials that were still improving when their training ended."""

from __future__ import annotations

import pandas as pd
import pytest

from layercut.stats import best_cuts
from layercut.stats.length import Improving, improving_by_strategy, short_comparisons
from support.fake_results import fake_results


def with_ends(improving: dict[tuple[str, float], int], **options: object) -> pd.DataFrame:
    """Return results in which so many replicates of a strategy and fraction were still improving at their limit."""
    table = fake_results(num_blocks=2, strategies=("scratch", "freeze_reinit"), fractions=(0.1, 1.0), **options)  # type: ignore[arg-type]
    table["stop_reason"], table["best_epoch"], table["num_epochs"] = "limit", 7.0, 12.0
    for (strategy, fraction), number in improving.items():
        rows = (table["strategy"] == strategy) & (table["fraction"] == fraction) & (table["replicate"] < number)
        if strategy != "scratch":
            rows &= table["cut"] > 0  # cut 0 is scratch's own trial
        table.loc[rows, "best_epoch"] = 12.0
    return table


def shares(table: pd.DataFrame) -> dict[tuple[str, float], Improving]:
    return {(one.strategy, one.fraction): one.improving for one in improving_by_strategy(table)}


def test_a_trial_improves_at_the_limit_if_its_best_epoch_is_its_last():
    found = shares(with_ends({("scratch", 0.1): 4}))
    assert found["scratch", 0.1] == Improving(4, 10)
    assert found["scratch", 1.0] == Improving(0, 10)
    assert found["scratch", 0.1].share == pytest.approx(0.4)


def test_trials_that_patience_ended_were_not_improving():
    table = with_ends({("scratch", 0.1): 10})
    table["stop_reason"] = "patience"
    assert {one.num_improving for one in shares(table).values()} == {0}


def test_a_trial_of_several_cuts_is_counted_once():
    found = shares(fake_with_one_trial_under_every_cut())
    assert found["finetune", 1.0] == Improving(10, 10)


def fake_with_one_trial_under_every_cut() -> pd.DataFrame:
    table = fake_results(num_blocks=2, strategies=("finetune",), fractions=(1.0,))
    return table.assign(stop_reason="limit", best_epoch=12.0, num_epochs=12.0)


@pytest.mark.parametrize(
    "unknown",
    [{"validation_accuracy": float("nan")}, {"stop_reason": None}, {"stop_reason": "solved"}, {"stop_reason": "whole"}],
)
def test_trials_that_nothing_tells_of_are_not_counted(unknown):
    table = with_ends({("scratch", 0.1): 10}).assign(**unknown)
    assert shares(table) == {}


def test_results_from_before_reasons_were_recorded_have_none():
    assert improving_by_strategy(fake_results()) == []


def test_a_comparison_is_short_if_more_than_a_fifth_of_either_side_was_improving():
    few, many = with_ends({("scratch", 0.1): 2}), with_ends({("scratch", 0.1): 3})
    assert not list(short_comparisons(few, best_cuts(few)))
    (short,) = short_comparisons(many, best_cuts(many))
    assert (short.best.fraction, short.scratch, short.transfer.num_improving) == (0.1, Improving(3, 10), 0)
    other = with_ends({("freeze_reinit", 0.1): 3})
    (short,) = short_comparisons(other, best_cuts(other))
    assert (short.transfer, short.scratch.num_improving) == (Improving(3, 10), 0)


def test_where_scratch_is_chosen_it_is_compared_with_the_best_transfer():
    table = with_ends({("freeze_reinit", 1.0): 3})
    table.loc[table["strategy"] == "scratch", "validation_accuracy"] = 1.0
    (short,) = short_comparisons(table, best_cuts(table))
    assert (short.best.strategy, short.point.strategy) == ("scratch", "freeze_reinit")
    assert short.transfer == Improving(3, 10)
