"""What is measured, what is extrapolated, and whether accuracies agree."""

from __future__ import annotations

import math
from typing import Any

import pytest
from benchmarks.children import Child
from benchmarks.comparison import (
    agreement,
    epoch_rate,
    layercut_round,
    replicate_deviation,
    rival_round,
    seconds_outside_epochs,
)
from benchmarks.floor import Work
from benchmarks.slice import Slice
from benchmarks.table import Measurements, render, summarize

RATES = {"float32": 1e9, "bfloat16": 2e9}


def row(cut: int, replicate: int, accuracy: float | None, seconds: list[float], outside: float, **more: Any) -> Any:
    return {
        "strategy": "freeze_reinit",
        "cut": cut,
        "replicate": replicate,
        "test_accuracy": accuracy,
        "epoch_seconds": seconds,
        "num_epochs": len(seconds),
        "seconds": sum(seconds) + outside,
        **more,
    }


def child(seconds: float, trials: list[Any], **answer: Any) -> Child:
    return Child({"trials": trials, "choices": {}, **answer}, seconds, 0.0, 100, 50, 80)


SAMPLED = child(
    20.0,
    [
        row(0, 0, None, [1.5, 1.0], 0.0, complete=False),
        row(4, 0, None, [0.5], 0.0, complete=False),
        row(4, 0, 0.7, [0.5, 0.5, 0.5], 2.0, complete=True),
    ],
    choice_seconds=4.0,
)
EPOCHS = {(("freeze_reinit", cut), replicate): 10 for cut in (0, 4) for replicate in (0, 1)}


def test_an_unfinished_rival_is_extrapolated_from_epochs_at_every_condition() -> None:
    outside = seconds_outside_epochs([SAMPLED])
    result = rival_round(SAMPLED, EPOCHS, num_trials=4, outside_epochs=outside)
    startup = 20.0 - 4.0 - 2.5 - 0.5 - 3.5
    assert outside == 2.0
    assert result.extrapolated
    assert result.study_seconds == pytest.approx(startup + 2 * (2.0 + 10 * 1.0) + 2 * (2.0 + 10 * 0.5))
    assert result.by_condition == {("freeze_reinit", 0): 12.0, ("freeze_reinit", 4): 7.0}
    assert result.check == pytest.approx(1.0)


def test_a_rival_that_ran_everything_is_not_extrapolated() -> None:
    trials = [row(cut, replicate, 0.7, [1.0], 1.0, complete=True) for cut in (0, 4) for replicate in (0, 1)]
    timed = row(0, 0, None, [3.0], 0.0, complete=False)
    result = rival_round(child(14.0, [timed, *trials], choice_seconds=1.0), EPOCHS, num_trials=4, outside_epochs=1.0)
    assert not result.extrapolated
    assert result.study_seconds == 10.0
    assert result.check is None


def test_first_epochs_do_not_count_where_there_are_others() -> None:
    assert epoch_rate([row(0, 0, None, [9.0, 1.0, 2.0, 3.0], 0.0)]) == 2.0
    assert epoch_rate([row(0, 0, None, [9.0], 0.0)]) == 9.0


def test_layercuts_seconds_by_condition_add_up_to_the_study() -> None:
    trials = [row(cut, 0, 0.8, [1.0], 0.0, wall_seconds=wall, merged=False) for cut, wall in ((0, 3.0), (4, 1.0))]
    seconds = layercut_round(child(2.0, trials))
    assert seconds == {("freeze_reinit", 0): 1.5, ("freeze_reinit", 4): 0.5}


def test_accuracies_agree_within_the_scatter_of_replicates() -> None:
    ours = [row(4, replicate, accuracy, [1.0], 0.0) for replicate, accuracy in enumerate([0.70, 0.72, 0.74])]
    assert replicate_deviation(ours) == pytest.approx(0.02)
    near = agreement(ours, [row(4, 0, 0.73, [1.0], 0.0, complete=True)])
    far = agreement(ours, [row(4, 0, 0.83, [1.0], 0.0, complete=True)])
    assert near is not None
    assert far is not None
    assert near.standard_error == pytest.approx(0.02 * math.sqrt(2))
    assert (near.agrees, far.agrees) == (True, False)
    assert agreement(ours, [row(4, 0, None, [1.0], 0.0, complete=False)]) is None


def test_the_table_says_what_is_extrapolated_and_shows_the_floor() -> None:
    ours = [
        row(cut, replicate, 0.7 + 0.02 * replicate, [1.0] * 10, 0.0, wall_seconds=1.0, merged=False)
        for cut in (0, 4)
        for replicate in (0, 1)
    ]
    layercut = child(4.0, ours, num_trials=4, records_hash="same")
    measured = Measurements(
        {"float32": [layercut]},
        {"plain": [SAMPLED]},
        {"float32": Work(10**9, 10**9, 10**9)},
        [{"flops_per_second": RATES}],
    )
    result = summarize(Slice(None, None, cuts=(0, 4), with_scratch=False, replicates=2), measured)  # type: ignore[arg-type]
    assert result["contenders"]["plain"]["times_layercut"]["layercut float32"]["median"] == pytest.approx(47.5 / 4)
    assert result["contenders"]["layercut float32"]["floor_fraction"]["median"] == pytest.approx(3 / 4)
    text = render(result)
    assert "47.5 (47.5 - 47.5)*" in text
    assert "* plain: 1 trials run whole" in text
    assert "floor_fraction 0.75" in text
