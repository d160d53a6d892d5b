"""From operations to seconds on this machine, by kind of work and by strategy.

A condition's operations become seconds at the rate of a training step of its own: the blocks above its trunk, the
passes that they have, its head, and the optimizer's step. So a truncated network, which is all launches and no
arithmetic, is not taken for as fast as the whole one. What is evaluated has the seconds of evaluations, which take less
for an operation, and every trial builds its model. A head that is solved takes the solver some time however few images
it has. Every epoch is counted, as in the operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from layercut.plan.cost import ModelCost
from layercut.plan.expand import Plan
from layercut.plan.jobs import Condition
from layercut.plan.piloting import as_pilot
from layercut.plan.rates import num_pilots
from layercut.plan.speed import ModelSpeed, SolverSpeed, measured_speed, solver_speed
from layercut.strategies.treatment import Treatment
from layercut.training.solved import STRENGTHS


class _Step(NamedTuple):
    """A training step, for one image."""

    seconds: float
    flops: int


def estimated_seconds(plan: Plan, cache_dir: Path, num_cores: int, measure: bool) -> dict[str, Any] | None:
    """Return seconds of one processor core as JSON values; None where a model's speed is not known.

    Keys: `source`, `extract`, `pilot` (where there are learning rates to choose, at most) and `transfer`, `strategies`
    (the parts of `transfer`; what several strategies share counts for the one under whose name it runs), and `elapsed`,
    the sum on `num_cores` cores. Probes are not counted.

    Args:
        plan: of trials that are trained one by one on a processor.
        cache_dir: where measurements are kept.
        num_cores: what a run has to share the work.
        measure: measure speeds that are not known yet, a second or two each.
    """
    known = _speeds(plan, cache_dir, measure)
    if known is None:
        return None
    speeds, each = known.models, _trials(plan, known)
    by_condition = {condition.key: each[condition.key] * condition.num_replicates for condition in plan.conditions}
    counts = num_pilots(plan.conditions)
    piloted = [as_pilot(condition) for condition in plan.conditions if condition.key in counts]
    pilots = {one.key: _trial(one, plan, speeds, known.solvers) * counts[one.key].most for one in piloted}
    strategies: dict[str, float] = {}
    for name in plan.names:
        if not name.merged:
            strategies[name.strategy] = strategies.get(name.strategy, 0.0) + by_condition[name.condition]
    told = {"source": _sources(plan, speeds), "extract": _features(plan, speeds)}
    told |= {"pilot": sum(pilots.values())} if pilots else {}
    told |= {"transfer": sum(strategies.values())}
    return {**told, "strategies": strategies, "cores": num_cores, "elapsed": sum(told.values()) / num_cores}


def trial_seconds(plan: Plan, cache_dir: Path) -> dict[str, float]:
    """Return the seconds that one replicate of each condition takes a processor core, by key, with all its epochs.

    Speeds that are not known yet are measured, as by `estimated_seconds`.
    """
    known = _speeds(plan, cache_dir, measure=True)
    if known is None:
        raise ValueError("a speed that is measured is known")
    return _trials(plan, known)


class _Speeds(NamedTuple):
    models: Mapping[tuple[str, str], ModelSpeed]
    """By labels of target and model."""
    solvers: Mapping[int, SolverSpeed]
    """By number of classes."""


def _speeds(plan: Plan, cache_dir: Path, measure: bool) -> _Speeds | None:
    """Return the speeds of all that a plan asks for; None where one is not known."""
    models: dict[tuple[str, str], ModelSpeed] = {}
    for condition in sorted(plan.conditions, key=lambda one: one.head == "solved"):  # these tell less of a model
        place = condition.task.label, condition.model.label
        if place not in models:
            speed = measured_speed(condition, plan.costs[place], cache_dir, measure)
            if speed is None:
                return None
            models[place] = speed
    solvers: dict[int, SolverSpeed] = {}
    for num_classes in {one.task.num_classes for one in plan.conditions if one.head != "trained"}:
        solver = solver_speed(num_classes, cache_dir, measure)
        if solver is None:
            return None
        solvers[num_classes] = solver
    return _Speeds(models, solvers)


def _trials(plan: Plan, known: _Speeds) -> dict[str, float]:
    return {condition.key: _trial(condition, plan, known.models, known.solvers) for condition in plan.conditions}


def training_step(speed: ModelSpeed, cost: ModelCost, treatment: Treatment, batch_size: int) -> _Step:
    """Return what a step costs for one image, as `plan.cost.trial_flops` counts its operations."""
    trunk, last = treatment.trunk, treatment.num_left
    lowest = min(treatment.trained, default=last)
    block_flops = [after - before for before, after in zip(cost.trunk_flops, cost.trunk_flops[1:], strict=False)]
    seconds, flops = speed.head[last], 3 * cost.head_flops[last]
    for block in range(trunk, last):
        passes = 2 if block in treatment.trained else 1 if block > lowest else 0
        seconds += speed.block_forward[block] + speed.block_backward[block] * passes / 2
        flops += block_flops[block] * (1 + passes)
    trained = sum(block_flops[block] for block in treatment.trained) + cost.head_flops[last]
    seconds += speed.update / batch_size * min(1.0, trained / max(1, cost.whole_flops + cost.head_flops[-1]))
    return _Step(seconds, flops)


def _trial(
    condition: Condition, plan: Plan, speeds: Mapping[tuple[str, str], ModelSpeed], solvers: Mapping[int, SolverSpeed]
) -> float:
    """Return the seconds of one replicate."""
    place = condition.task.label, condition.model.label
    speed, cost = speeds[place], plan.costs[place]
    once = evaluation(speed, cost, condition.treatment)
    learning = condition.flops - condition.num_evaluated * once.flops
    if condition.head == "solved":
        seconds = learning * solvers[condition.task.num_classes].operation
    else:
        step = training_step(speed, cost, condition.treatment, condition.training.batch_size)
        seconds = learning * step.seconds / max(1, step.flops)
    if condition.head != "trained":
        seconds += _paths(condition) * solvers[condition.task.num_classes].path
    return speed.build + seconds + condition.num_evaluated * once.seconds


def _paths(condition: Condition) -> float:
    """Return how many paths choose the strength of the penalty; the head itself is a step of one for each model."""
    num_folds = max(1, condition.num_folds)
    steps = 1 if condition.head == "solved" else 1 + condition.num_folds
    return num_folds + steps / len(STRENGTHS)


def evaluation(speed: ModelSpeed, cost: ModelCost, treatment: Treatment) -> _Step:
    """Return what evaluating one image costs, its features below a frozen trunk apart."""
    trunk, last = treatment.trunk, treatment.num_left
    seconds = sum(speed.block_evaluated[trunk:last]) + speed.head[last] / 3
    return _Step(seconds, cost.trunk_flops[last] - cost.trunk_flops[trunk] + cost.head_flops[last])


def _sources(plan: Plan, speeds: Mapping[tuple[str, str], ModelSpeed]) -> float:
    """Return the seconds of pretraining, at the rate of the whole model."""
    places = {
        condition.model.block_names: (condition.task.label, condition.model.label) for condition in plan.conditions
    }
    total = 0.0
    for job in plan.sources:
        place = places[job.model.block_names]
        num_blocks = job.model.num_blocks
        whole = Treatment(num_blocks, num_blocks, (), tuple(range(num_blocks)))
        step = training_step(speeds[place], plan.costs[place], whole, job.training.batch_size)
        total += job.flops * step.seconds / max(1, step.flops)
    return total


def _features(plan: Plan, speeds: Mapping[tuple[str, str], ModelSpeed]) -> float:
    total = 0.0
    for feature_set, costs in plan.feature_sets.values():
        place = feature_set.task.label, feature_set.model.label
        rate = sum(speeds[place].block_evaluated) / max(1, plan.costs[place].whole_flops)
        total += max(cost.flops for cost in costs) * rate
    return total
