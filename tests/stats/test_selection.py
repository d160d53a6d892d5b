"""What selection data can tell: ties are broken by log loss, and few images leave much open."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pandas as pd
import pytest

from layercut.stats import best_cuts
from layercut.stats.selection import best_on_selection, standing
from support.fake_results import fake_results


@dataclass(frozen=True)
class One:
    cut: int = 1
    mean_validation: float = 0.9
    mean_validation_loss: float = 0.3
    num_trained_parameters: float = 100.0
    num_replicates: int = 3
    num_train_images: float = 24.0
    num_validation_images: float = 24.0
    fraction: float = 1.0
    judging_share: float = 1.0

    @property
    def num_judging_images(self) -> float:
        return self.judging_share * self.num_validation_images


def test_of_equal_accuracies_the_lower_log_loss_is_chosen():
    sure, unsure = One(cut=1, mean_validation_loss=0.2), One(cut=2, mean_validation_loss=0.6)
    assert best_on_selection([unsure, sure]) is sure
    better = One(cut=3, mean_validation=0.92, mean_validation_loss=2.0)
    assert best_on_selection([unsure, sure, better]) is better


def test_where_no_log_loss_is_known_the_smaller_and_deeper_is_chosen():
    unknown = One(mean_validation_loss=math.nan)
    small = replace(unknown, num_trained_parameters=10.0)
    assert best_on_selection([unknown, small]) is small
    deeper = replace(small, cut=4)
    assert best_on_selection([small, deeper]) is deeper


def test_twenty_four_images_cannot_tell_conditions_that_are_four_images_apart():
    best, other = One(mean_validation=23 / 24), One(mean_validation=19 / 24)
    found = standing(other, best)
    expected = 1.96 * math.sqrt((23 * 1 + 19 * 5) / 24**2 / 24)
    assert found.margin == pytest.approx(expected)
    assert found.open
    assert not standing(One(mean_validation=0.5), best).open


def test_a_smaller_condition_is_offered_only_on_images_enough_and_within_one_standard_error():
    best = One(mean_validation=0.95, fraction=0.1)
    assert standing(replace(best, mean_validation=0.93), best).near
    assert not standing(replace(best, mean_validation=0.86), best).near
    assert standing(replace(best, mean_validation=0.86), best).open
    few = replace(best, num_validation_images=2.0)
    assert standing(replace(few, mean_validation=0.6), few).open
    assert not standing(few, few).near


def test_replicates_that_draw_other_images_tell_more_and_those_that_draw_the_same_do_not():
    def margin(fraction: float) -> float:
        best = One(mean_validation=0.95, fraction=fraction)
        return standing(replace(best, mean_validation=0.8), best).margin

    assert margin(0.1) == pytest.approx(margin(1.0) / math.sqrt(3))


def test_images_set_aside_once_count_once():
    aside = One(num_validation_images=200.0, num_train_images=24.0, fraction=0.01)
    assert standing(aside, aside).margin == standing(replace(aside, num_replicates=10), aside).margin


def test_a_perfect_score_on_few_images_leaves_others_open():
    assert standing(One(mean_validation=22 / 24), One(mean_validation=1.0)).open


def test_a_tie_at_one_goes_to_the_condition_that_is_surer():
    table = fake_results(fractions=(1.0,), num_replicates=3).assign(validation_accuracy=1.0, validation_loss=0.5)
    table.loc[(table["strategy"] == "reinit") & (table["cut"] == 2), "validation_loss"] = 0.1
    (best,) = best_cuts(table)
    assert (best.strategy, best.cut) == ("reinit", 2)
    assert len(best.not_told_apart) == best.num_candidates - 1


@pytest.mark.parametrize(
    ("strategy", "cut", "transfers"),
    [("truncate", 2, True), ("truncate", 0, False), ("slim", 2, False), ("reinit", 2, True)],
)
def test_a_network_of_which_nothing_comes_from_the_source_transfers_nothing(strategy, cut, transfers):
    table = fake_results(fractions=(0.1,), num_replicates=10)
    control = table[table["strategy"] == "truncate"].assign(strategy="slim", transfers=False)
    control = control.assign(condition="T0" + control["condition"], key="T0" + control["key"])
    both = pd.concat([table, control], ignore_index=True)
    smaller = both["strategy"].isin(["truncate", "freeze_truncate", "slim"]) & (both["cut"] < 4)
    both.loc[smaller, "num_parameters"] = 100.0
    chosen = both.loc[(both["strategy"] == strategy) & (both["cut"] == cut), "condition"].iloc[0]
    both.loc[both["condition"] == chosen, "validation_accuracy"] = 1.0
    (best,) = best_cuts(both)
    assert best.transfers == transfers
    assert (best.split is not None) == (transfers and strategy == "truncate")
    if best.split is not None:
        assert best.split.smaller.mean_difference + best.split.learned.mean_difference == pytest.approx(
            best.contrast.mean_difference
        )


def test_the_best_cut_of_another_strategy_is_one_that_is_another_trial():
    """Finetuning is the cut 4 of truncate: its rival among truncations is the next best of them."""
    table = fake_results(fractions=(0.1,), num_replicates=10, strategies=("scratch", "finetune", "truncate"))
    table.loc[table["strategy"] == "finetune", "validation_accuracy"] = 0.99
    table.loc[(table["strategy"] == "truncate") & (table["cut"] == 4), "validation_accuracy"] = 0.99
    (best,) = best_cuts(table)
    assert best.strategy == "finetune"
    assert best.num_rivals == 2, "scratch, and the best truncation that is not the finetuned network itself"


def test_a_metric_over_unequal_classes_tells_as_much_as_fewer_images_do():
    best, other = (
        One(mean_validation=0.95, num_validation_images=240),
        One(mean_validation=0.8, num_validation_images=240),
    )
    assert not standing(other, best).open
    few = [replace(one, judging_share=0.1) for one in (other, best)]
    assert standing(*few).open
    assert standing(*few).num_images == pytest.approx(0.1 * standing(other, best).num_images)
