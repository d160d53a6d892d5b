"""Minutes in a plan: what was measured of blocks and heads, put together as a strategy trains them."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest

from layercut.data.splits import sample_split
from layercut.plan import seconds, speed
from layercut.plan.cost import Images, Length, model_cost, num_evaluated, sample_images
from layercut.plan.piloting import as_pilot
from layercut.plan.seconds import estimated_seconds, evaluation, training_step
from layercut.plan.speed import ModelSpeed, SolverSpeed, solver_speed
from layercut.strategies.treatment import Treatment
from layercut.training.solved import STRENGTHS
from support.tiny import tiny_plan

SPEED = ModelSpeed(
    num_images=8, block_forward=(1.0, 2.0), block_backward=(10.0, 20.0), block_evaluated=(0.5, 0.25),
    head=(100.0, 200.0, 300.0), update=8.0, build=9.0,
)  # fmt: skip
FLAT = ModelSpeed(8, (1.0,) * 3, (10.0,) * 3, (0.5,) * 3, (300.0,) * 4, update=8.0, build=9.0)
COST = model_cost([10, 30], [2, 4, 10], [(1,), (1,), (1,)])


@pytest.mark.parametrize(
    ("treated", "taken", "flops"),
    [
        # everything is trained: both passes of both blocks, the head, the whole update for 4 images
        (Treatment(2, 2, (0, 1), (0, 1)), 1 + 10 + 2 + 20 + 300 + 8 / 4, 3 * (10 + 30 + 10)),
        # a stored trunk costs nothing; what is updated is the block above it and the head, 40 of 50 operations
        (Treatment(2, 2, (0,), (1,)), 2 + 20 + 300 + 8 / 4 * 40 / 50, 3 * (30 + 10)),
        # frozen above what is trained: half of a backward pass, which is for its features alone
        (Treatment(2, 2, (0, 1), (0,)), 1 + 10 + 2 + 20 / 2 + 300 + 8 / 4 * 20 / 50, 3 * 10 + 2 * 30 + 3 * 10),
        # the second block is removed: the head lies on the first
        (Treatment(2, 1, (0,), (0,)), 1 + 10 + 200 + 8 / 4 * 14 / 50, 3 * (10 + 4)),
    ],
)
def test_a_step_is_the_passes_of_the_blocks_above_the_trunk_the_head_and_the_update(treated, taken, flops):
    step = training_step(SPEED, COST, treated, batch_size=4)
    assert step.seconds == pytest.approx(taken)
    assert step.flops == flops


def test_an_image_is_evaluated_by_the_blocks_above_the_trunk_and_the_head():
    """A third of the head's seconds: those were measured with its backward pass, which takes twice the forward one."""
    assert evaluation(SPEED, COST, Treatment(2, 2, (0, 1), (0, 1))) == (0.5 + 0.25 + 300 / 3, 10 + 30 + 10)
    assert evaluation(SPEED, COST, Treatment(2, 2, (0,), (1,))) == (0.25 + 300 / 3, 30 + 10)
    assert evaluation(SPEED, COST, Treatment(2, 1, (0,), (0,))) == (0.5 + 200 / 3, 10 + 4)


def test_a_trial_takes_its_build_its_steps_and_its_evaluations(tmp_path, monkeypatch):
    monkeypatch.setattr(seconds, "measured_speed", lambda *arguments: FLAT)
    plan = tiny_plan("transfer.strategies=[finetune]", "transfer.cuts=[3]").plan
    (condition,), (cost,) = plan.conditions, plan.costs.values()
    forward, epochs = cost.whole_flops + cost.head_flops[3], 3
    num_train = (condition.flops - condition.num_evaluated * forward) // (3 * forward * epochs)
    steps = num_train * epochs * (3 * (1.0 + 10.0) + 300.0 + 8.0 / 16)
    evaluated = condition.num_evaluated * (3 * 0.5 + 300.0 / 3)
    found = estimated_seconds(plan, tmp_path, num_cores=1, measure=True)
    assert found["transfer"] == pytest.approx(9.0 + steps + evaluated)


def test_what_is_evaluated_is_validation_each_time_and_everything_once():
    assert num_evaluated(Images(train=10, validation=2, test=5), Length(epochs=4, evaluations=3)) == 2 * 3 + 17


def estimate(cache: Path, *overrides: str, measure: bool = True):
    return estimated_seconds(tiny_plan(*overrides).plan, cache, num_cores=2, measure=measure)


def test_a_plan_in_seconds_adds_up_by_strategy_and_is_shared_by_the_cores(tmp_path):
    found = estimate(tmp_path, "transfer.strategies=[scratch, freeze_truncate, linear_probe]")
    assert set(found["strategies"]) == {"scratch", "freeze_truncate", "linear_probe"}
    assert all(seconds > 0 for seconds in found["strategies"].values())
    assert found["transfer"] == pytest.approx(sum(found["strategies"].values()))
    assert found["elapsed"] == pytest.approx((found["source"] + found["extract"] + found["transfer"]) / 2)


def test_what_was_measured_once_is_known_without_measuring_and_what_was_not_is_not(tmp_path):
    assert estimate(tmp_path, measure=False) is None
    measured = estimate(tmp_path)
    assert estimate(tmp_path, measure=False) == measured
    assert estimate(tmp_path, "model.channels=6", measure=False) is None
    twice = estimate(tmp_path, "transfer.replicates=2", measure=False)
    assert twice["transfer"] == pytest.approx(2 * measured["transfer"])


def test_a_measurement_that_cannot_be_read_is_made_again(tmp_path):
    estimate(tmp_path)
    (kept,) = (tmp_path / "speeds").iterdir()
    for broken in ('{"num_images": 3', '{"num_images": 3}', "[]"):
        kept.write_text(broken, encoding="utf-8")
        assert estimate(tmp_path, measure=False) is None
    assert estimate(tmp_path) == estimate(tmp_path, measure=False)


def test_a_study_of_solved_heads_alone_has_the_time_of_the_solver(tmp_path):
    found = estimate(tmp_path, "transfer.strategies=[linear_probe]")
    assert list(found["strategies"]) == ["linear_probe"]
    assert found["strategies"]["linear_probe"] > 0


@pytest.mark.parametrize("validation", ["within", "full"])
def test_the_images_of_a_trial_are_counted_as_they_are_drawn(validation):
    """Of 7, 11 and 30 images a third and a bit is 2, 4 and 10: 16, where the same of all 48 would be 17."""
    labels, rule = np.repeat([0, 1, 2], [7, 11, 30]), {"validation": validation, "val_split": 0.2}
    drawn = sample_split(labels, 3, 0.35, 0, 0, **rule)
    planned = sample_images((7, 11, 30), 0.35, num_folds=5, num_test=4, **rule)
    assert (planned.train, planned.validation) == (len(drawn.train), len(drawn.validation))


@pytest.mark.parametrize(
    ("validation", "paths"), [("within", 1 + 1 / len(STRENGTHS)), ("folds", 5 + 1 / len(STRENGTHS))]
)
def test_a_solved_head_takes_its_paths_however_few_images_it_has(tmp_path, monkeypatch, validation, paths):
    """A path through a few dozen images is all iterations and hardly any arithmetic."""
    monkeypatch.setattr(seconds, "measured_speed", lambda *arguments: FLAT)
    monkeypatch.setattr(seconds, "solver_speed", lambda *arguments: SolverSpeed(path=70.0, operation=0.0))
    overrides = ("transfer.strategies=[linear_probe]", "transfer.cuts=[3]", f"transfer.validation={validation}")
    plan = tiny_plan(*overrides).plan
    (condition,) = plan.conditions
    assert condition.num_evaluated == 323  # of the sample and of the test, each once
    found = estimated_seconds(plan, tmp_path, num_cores=1, measure=True)
    assert found["transfer"] == pytest.approx(9.0 + 70.0 * paths + condition.num_evaluated * 300.0 / 3)


def test_the_solver_is_timed_once_for_all_models_of_so_many_classes(tmp_path):
    speed = solver_speed(3, tmp_path, measure=True)
    assert 0 < speed.operation < 1e-6
    assert 0 < speed.path < 1
    assert solver_speed(3, tmp_path, measure=False) == speed
    assert solver_speed(4, tmp_path, measure=False) is None


def test_pilots_are_counted_at_the_most_that_may_be_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(seconds, "measured_speed", lambda *arguments: FLAT)
    overrides = ("transfer.strategies=[finetune]", "transfer.cuts=[3]", "transfer.training.lr=[1e-3, 1e-2, 1e-1]")
    plan = tiny_plan(*overrides).plan
    (condition,) = plan.conditions
    alone = dataclasses.replace(plan, conditions=(dataclasses.replace(as_pilot(condition), rates=(), pilots=None),))
    one = estimated_seconds(alone, tmp_path, num_cores=1, measure=True)
    found = estimated_seconds(plan, tmp_path, num_cores=2, measure=True)
    assert found["pilot"] == pytest.approx(5 * one["transfer"])
    assert found["elapsed"] == pytest.approx((found["source"] + found["pilot"] + found["transfer"]) / 2)


def test_other_programs_do_not_lengthen_a_measurement(tmp_path, monkeypatch):
    """The clock goes on while they have the processor; the processor's own time does not."""
    clock = itertools.count(step=1000.0)
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(clock))
    found = estimate(tmp_path, "transfer.strategies=[finetune, linear_probe]")
    assert found["elapsed"] < 1000.0
