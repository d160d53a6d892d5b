"""The benchmark of rules of choice: each rule on a made-up table, and what a replay may look at."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from benchmarks.choice.__main__ import NUM_REPLAYS, gains, over_studies, replay
from benchmarks.choice.rules import RULES, Rule, by_accuracy, by_accuracy_then_loss, by_loss, fixed, means_of, smooth
from benchmarks.choice.studies import MODES, studies


def table(num_replicates: int = 6, noise: float = 0.0) -> pd.DataFrame:
    """Return a study of two strategies and three cuts in which `freeze` at cut 2 is best by five points."""
    random = np.random.default_rng(0)
    rows = []
    for mode in ("within", "folds"):
        for strategy, cuts in (("scratch", [0]), ("freeze", [0, 2, 4])):
            for cut in cuts:
                truth = {("freeze", 2): 0.85, ("freeze", 0): 0.8, ("freeze", 4): 0.75}.get((strategy, cut), 0.5)
                for replicate in range(num_replicates):
                    seen = truth + random.normal(0, noise)
                    rows.append(
                        {
                            "mode": mode, "strategy": strategy, "cut": cut, "num_blocks": 4, "replicate": replicate,
                            "test_accuracy": truth, "validation_accuracy": seen, "validation_loss": 1 - seen,
                            "num_trained_parameters": 100.0 - cut, "wall_seconds": 5.0 if mode == "folds" else 1.0,
                            "condition": f"{mode} {strategy} {cut}",
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows)


def test_ties_go_to_the_smallest_or_to_the_lowest_log_loss():
    seen = pd.DataFrame(
        {
            "strategy": ["freeze", "freeze", "reinit"], "cut": [2, 4, 2], "num_blocks": 4,
            "validation_accuracy": [1.0, 1.0, 0.9], "validation_loss": [0.2, 0.6, 0.1],
            "num_trained_parameters": [50, 10, 90],
        }
    )  # fmt: skip
    means = means_of(seen)
    assert by_accuracy(means, seen) == ("freeze", 4)
    assert by_accuracy_then_loss(means, seen) == ("freeze", 2)
    assert by_loss(means, seen) == ("reinit", 2)


def test_smoothing_draws_an_outlier_towards_its_neighbours():
    rows = [
        {"strategy": "freeze", "cut": cut, "num_blocks": 6, "replicate": replicate, "score": score + replicate / 10}
        for cut, score in enumerate([0.4, 0.5, 0.85, 0.5, 0.55, 0.5, 0.4])
        for replicate in range(3)
    ]  # fmt: skip
    smoothed = smooth(pd.DataFrame(rows))
    assert smoothed["freeze", 2] < 0.95
    assert smoothed["freeze", 1] > 0.6


def test_rules_that_see_no_noise_lose_nothing_and_a_fixed_one_loses_what_it_must():
    rules = {name: rule for name, rule in RULES.items() if "smoothed" not in name}  # a process fitted 400 times
    rules["always the end"] = Rule("folds", fixed("freeze", 1.0))
    lost = replay(table(), rules, num_seen=1)
    assert lost["folds, accuracy, then log loss"] == lost["within, log loss"] == 0
    assert lost["always the end"] == pytest.approx(10)
    assert not any(name.startswith("full") for name in lost), "it was not measured"


def test_a_rule_without_validation_images_is_worth_a_draw():
    blind = table()
    blind.loc[blind["mode"] == "within", ["validation_accuracy", "validation_loss"]] = np.nan
    rules = {**RULES, "always the end": Rule("within", fixed("freeze", 1.0), by_validation=False)}
    lost = replay(blind, {name: rules[name] for name in ("within, log loss", "always the end")}, num_seen=1)
    assert lost["within, log loss"] == pytest.approx(100 * (0.85 - np.mean([0.5, 0.8, 0.85, 0.75])))
    assert lost["always the end"] == pytest.approx(10)


def test_a_rule_sees_no_test_accuracy_and_no_replicate_of_the_truth():
    looked_at = []

    def spy(means: pd.DataFrame, seen: pd.DataFrame) -> tuple[str, int]:
        assert "test_accuracy" not in {*means.columns, *seen.columns}
        looked_at.append(frozenset(seen["replicate"]))
        return ("scratch", 0)

    lost = replay(table(), {"spy": Rule("within", spy)}, num_seen=1)
    assert {len(seen) for seen in looked_at} == {5}, "as many as take the seconds of one replicate with folds"
    assert len(looked_at) == NUM_REPLAYS
    assert lost["spy"] == pytest.approx(35)


def test_gains_of_other_studies_are_by_strategy_and_depth():
    found = gains({"one": table()})
    assert found["freeze", 0.5] == pytest.approx(0.85 - np.mean([0.5, 0.8, 0.85, 0.75]))


def test_regrets_are_summed_up_over_the_studies_that_have_the_rule():
    found = over_studies({"one": {"a": 1.0, "b": 3.0}, "other": {"a": 3.0}})
    assert found["a"] == {"mean": 2.0, "quantile_90": pytest.approx(2.8), "greatest": 3.0, "studies": 2}
    assert found["b"]["studies"] == 1


def test_every_study_is_measured_with_folds_and_within_under_a_name_of_its_own():
    found = studies("cifar", "photographs", "weights")
    assert len({study.name for study in found}) == len(found) >= 8
    assert all({"within", "folds"} <= set(study.replicates) <= set(MODES) for study in found)
    assert all(len(study.study["transfer"]["fractions"]) == 1 for study in found)
