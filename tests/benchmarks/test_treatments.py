"""The tables behind `benchmarks.treatments`: which cut is shown, and what is compared with what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import treatments
from layercut.spec.load import make_study
from support.fake_results import fake_results

NAMED = {"freeze_truncate": "linear_probe", "truncate": "lp_finetune"}


def table(seed: int = 0) -> pd.DataFrame:
    strategies = ("scratch", "freeze", "finetune", *NAMED)
    own = fake_results(strategies=strategies, fractions=[0.1], num_replicates=8, num_blocks=2, seed=seed)
    own = own.assign(strategy=own["strategy"].replace(NAMED))
    return own.assign(learning_rate=np.where(own["strategy"] == "linear_probe", np.nan, 2e-3))


def raised(rows: pd.DataFrame, strategy: str, cut: int, **points: float) -> pd.DataFrame:
    """Return a table in which some columns of a design point are higher."""
    own = rows.copy()
    at = (own["strategy"] == strategy) & (own["cut"] == cut)
    for column, more in points.items():
        own.loc[at, column] = own.loc[at, column] + more
    return own


def test_a_strategy_is_shown_at_the_cut_that_is_best_on_validation_images_not_on_test_images():
    chosen = raised(table(), "freeze", 1, validation_accuracy=0.5)
    chosen = raised(chosen, "freeze", 2, test_accuracy=0.5)
    (row,) = [row for row in treatments.judge(table(), chosen)["at_chosen_rates"] if row["strategy"] == "freeze"]
    own = chosen[(chosen["strategy"] == "freeze") & (chosen["cut"] == 1)]
    assert row["cut"] == 1
    assert row["mean"] == pytest.approx(own["test_accuracy"].mean())


def test_a_choice_of_rate_is_compared_with_the_middle_one_at_the_same_cut_and_replicate():
    at_one = table()
    chosen = raised(at_one, "freeze", 1, test_accuracy=0.03).sample(frac=1.0, random_state=1)
    rows = {(row["strategy"], row["cut"]): row for row in treatments.judge(at_one, chosen)["chosen_against_one"]}
    assert rows["freeze", 1]["difference"] == pytest.approx(0.03)
    assert rows["freeze", 1]["low"] == pytest.approx(0.03)
    assert rows["scratch", 0]["difference"] == 0
    assert "linear_probe" not in {strategy for strategy, _ in rows}  # it has no rate


def test_the_best_newer_strategy_stands_against_the_best_of_the_seven_at_one_rate():
    at_one = raised(table(), "freeze", 1, validation_accuracy=0.5)
    chosen = raised(table(), "lp_finetune", 1, validation_accuracy=0.5)
    chosen = raised(chosen, "freeze", 2, validation_accuracy=0.9)
    told = treatments.judge(at_one, chosen)["best_newer_against_best_of_seven"]
    assert (told["strategy"], told["cut"], told["against"], told["against_cut"]) == ("lp_finetune", 1, "freeze", 1)
    assert "lp_finetune at cut 1 against freeze at cut 1" in treatments.render(
        {"any": {"rates": [1e-3, 2e-3, 4e-3], **treatments.judge(at_one, chosen)}}
    )


@pytest.mark.parametrize("name", ["cifar", "ants-bees"])
def test_both_runs_of_a_study_differ_in_nothing_but_the_rates(name: str):
    treated = treatments.studies(Path("cifar"), Path("photos"), Path("weights.pth"), 64)[name]
    at_one, chosen = make_study(treated.at(treated.rates[1])), make_study(treated.at(treated.rates))
    assert treated.rates[1] == sorted(treated.rates)[1]
    training = chosen.transfer.training.model_copy(update={"lr": at_one.transfer.training.lr})
    transfer = chosen.transfer.model_copy(update={"training": training})
    assert chosen.model_copy(update={"transfer": transfer}).model_dump() == at_one.model_dump()


def test_a_narrowed_study_has_fewer_strategies_and_is_otherwise_the_same():
    treated = treatments.studies(Path("cifar"), Path("photos"), Path("weights.pth"), 64)["cifar"]
    fewer = make_study(treated.narrowed({"strategies": ["freeze", "l2_sp"], "replicates": None}).at(1e-3)).transfer
    whole = make_study(treated.at(1e-3)).transfer
    assert list(fewer.strategies) == ["freeze", "l2_sp"]
    assert fewer.model_copy(update={"strategies": whole.strategies}) == whole
