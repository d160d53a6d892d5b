"""How sure an answer is, and what else would do."""

import re

import pytest

from layercut.report.certainty import certainty_notes
from layercut.stats import best_cuts, good_enough, probability_best
from support.fake_results import fake_results

TABLE = fake_results(fractions=(1.0,), num_replicates=12)


def notes_of(table):
    (best,) = best_cuts(table)
    return best, list(certainty_notes(best, table, probability_best(table), good_enough(table)))


def test_the_share_of_draws_is_that_of_the_bootstrap():
    best, notes = notes_of(TABLE)
    rows = probability_best(TABLE)
    share = rows.loc[(rows["strategy"] == best.strategy) & (rows["cut"] == best.cut), "probability"].item()
    said = re.search(r"the best of all (\d+) in (\d+) % of draws", notes[0])
    assert said is not None
    assert int(said[1]) == len(rows)
    assert int(said[2]) == pytest.approx(100 * share, abs=0.5)


def test_what_is_most_often_the_best_is_named_where_it_is_another():
    best, notes = notes_of(TABLE)
    first = probability_best(TABLE).sort_values("probability", ascending=False).iloc[0]
    named = (first["strategy"], first["cut"]) != (best.strategy, best.cut)
    assert ("most often" in notes[0]) == named


def test_a_cheaper_condition_that_is_good_enough_is_named_with_what_it_costs():
    table = TABLE.assign(test_accuracy=0.9, validation_accuracy=0.9)
    table.attrs = TABLE.attrs
    table.loc[table["strategy"] == "scratch", "validation_accuracy"] = 0.95
    best, notes = notes_of(table)
    assert best.strategy == "scratch"
    assert "less than 1 point worse, at lower cost" in notes[-1]
    assert "freeze_reinit at cut 4 (4 % of its trained parameters)" in notes[-1]


def test_nothing_is_claimed_of_what_is_not_shown():
    table = fake_results(fractions=(0.01,), num_replicates=3)
    assert notes_of(table)[1] == []
