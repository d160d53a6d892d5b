"""The arithmetic floor of a finished run: the operations that had to be done, at the machine's best rate.

    python -m benchmarks.floor RUN --data-dir DATA --seconds 61.5 [--peak FILE]

Counted after merging and caching, with the epochs that were really run:
    each trial     epochs x training images x 3 x forward of what is trained, validation images x forward for each
                   epoch that was validated, and one forward of training and test images at the end;
                   an epoch that was left because it could not be the best (`validate_epochs: as_needed`) counts as
                   many validation images as the best epoch has wrong: nobody can know with fewer
                   the first trained layer counts 2 x instead of 3 x: nobody needs its input's gradient
    each trunk     its features once for every image that any replicate uses
Sources are read from files; a study that pretrains is refused. Activations, poolings, losses, optimizer steps,
loading and bookkeeping count nothing. floor_fraction = floor seconds / measured seconds.
done_fraction is the same with the validation images that were really looked at: what the processor did of what it can.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from benchmarks.children import run_child
from benchmarks.layers import first_layer_flops
from layercut import load_study
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.data.cache_entry import open_cached
from layercut.data.splits import sample_split
from layercut.data.subset import Task, restrict
from layercut.ledger import Ledger
from layercut.models import MODELS
from layercut.models.base import seeded_build
from layercut.models.measured import plan_model
from layercut.plan.cost import ModelCost, model_cost
from layercut.plan.expand import Plan
from layercut.plan.jobs import Condition, TaskRef
from layercut.plan.preflight import plan_with_data
from layercut.records import TrialRecord
from layercut.training.precision import Precision


class Work(NamedTuple):
    """Floating-point operations that a run could not avoid."""

    features: int
    training: int
    evaluation: int

    @property
    def total(self) -> int:
        """Return all of them."""
        return sum(self)

    def seconds(self, flops_per_second: Mapping[str, float], precision: str) -> float:
        """Return the least time for it, all cores busy; with `bf16_eval` evaluation runs at the bfloat16 rate."""
        evaluation = "bfloat16" if precision in ("bf16_eval", "bf16") else "float32"
        training = "bfloat16" if precision == "bf16" else "float32"
        return (self.features + self.training) / flops_per_second[training] + self.evaluation / flops_per_second[
            evaluation
        ]


class Model(NamedTuple):
    """What a condition's model costs."""

    cost: ModelCost
    first_layers: list[int]
    """Forward operations of the first weighted layer of each block, and last of the head."""


def main() -> None:
    """Print the floor of one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data-dir", type=Path, default=default_data_dir())
    parser.add_argument("--seconds", type=float, help="measured seconds of the run")
    parser.add_argument("--peak", type=Path, help="what benchmarks.peak wrote; measured now where not given")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    work, precision = run_work(arguments.run, arguments.data_dir)
    done, _ = run_work(arguments.run, arguments.data_dir, looked_validations)
    answer: dict[str, Any] = {"work_flops": work._asdict(), "done_flops": done._asdict(), "precision": precision}
    if arguments.seconds:
        peak = json.loads(arguments.peak.read_text()) if arguments.peak else run_child("benchmarks.peak").answer
        floor = work.seconds(peak["flops_per_second"], precision)
        answer |= {"peak": peak, "floor_seconds": floor, "floor_fraction": floor / arguments.seconds}
        answer["done_fraction"] = done.seconds(peak["flops_per_second"], precision) / arguments.seconds
    text = json.dumps(answer, indent=2)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    else:
        print(text)


def run_work(
    run: Path, data_dir: Path, validations: Callable[[TrialRecord], int] | None = None
) -> tuple[Work, Precision]:
    """Return the operations of a finished run, and its precision; `validations` as `plan_work` takes it."""
    with Ledger(run, read_only=True) as ledger:
        trials = list(ledger.trials())
    if not trials:
        raise SystemExit(f"{run} holds no finished trial")
    precision = cast(Precision, trials[0].precision or "float32")
    checked = plan_with_data(load_study(run / "study.yaml"), data_dir, default_cache_dir(), precision)

    def open_task(task: TaskRef) -> Task:
        return restrict(open_cached(checked.datasets[task.fingerprint]), task.classes)

    return plan_work(checked.plan, trials, open_task, validations or needed_validations), precision


def plan_work(
    plan: Plan,
    trials: Iterable[TrialRecord],
    open_task: Callable[[TaskRef], Task],
    validations: Callable[[TrialRecord], int],
) -> Work:
    """Return the operations behind the finished trials of a plan; `validations` counts the images of one trial's."""
    if any(job.kind == "train" for job in plan.sources):
        raise SystemExit("expected sources from files: pretraining is not part of the floor")
    conditions = {condition.key: condition for condition in plan.conditions}
    models: dict[str, Model] = {}
    finished: list[tuple[Condition, TrialRecord]] = []
    training = evaluation = 0
    for trial in trials:
        condition = conditions.get(trial.condition)
        if condition is None:
            continue
        finished.append((condition, trial))
        if _model_of(condition) not in models:
            models[_model_of(condition)] = _measure(condition)
        forward, first = trained_flops(models[_model_of(condition)], condition)
        num_train, num_test = trial.num_train_images or 0, trial.num_test_images or 0
        training += len(trial.curve) * num_train * (3 * forward - first)
        evaluation += forward * (validations(trial) + num_train + num_test)
    if not finished:
        raise SystemExit("expected trials of this plan; the run was made with other options or another version")
    return Work(_feature_flops(finished, models, open_task), training, evaluation)


def needed_validations(trial: TrialRecord) -> int:
    """Return how many times some validation image had to be evaluated."""
    num_images, best_accuracy = trial.num_validation_images, trial.validation_accuracy
    if not num_images or best_accuracy is None:
        return 0
    num_validated = sum(point.validation_accuracy is not None for point in trial.curve)
    num_wrong = round((1 - best_accuracy) * num_images)
    return num_validated * num_images + (len(trial.curve) - num_validated) * num_wrong


def looked_validations(trial: TrialRecord) -> int:
    """Return how many times some validation image was evaluated.

    Raises:
        SystemExit: the run is from before that was written down.
    """
    if trial.num_validation_looks is None:
        raise SystemExit(f"trial {trial.key} does not say how many validation images it evaluated: run it again")
    return trial.num_validation_looks


def trained_flops(model: Model, condition: Condition) -> tuple[int, int]:
    """Return the forward operations of what a condition trains, and those of its first layer, for one image."""
    cost, below, last = model.cost, condition.trunk, condition.treatment.num_left
    forward = cost.trunk_flops[last] - cost.trunk_flops[below] + cost.head_flops[last]
    return forward, model.first_layers[below] if below < last else cost.head_flops[last]


def _model_of(condition: Condition) -> str:
    return f"{condition.model} {condition.task.num_classes}"


def _measure(condition: Condition) -> Model:
    ref, num_classes = condition.model, condition.task.num_classes
    family = MODELS[ref.name]
    options = family.options.model_validate(ref.options)
    planned = plan_model(family, options, ref.image_shape, num_classes)
    model = seeded_build(family, options, ref.image_shape, num_classes, seed=0)
    cost = model_cost(planned.block_flops, planned.head_flops, planned.feature_shapes)
    return Model(cost, first_layer_flops(model.eval(), ref.image_shape))


def _feature_flops(
    finished: list[tuple[Condition, TrialRecord]], models: dict[str, Model], open_task: Callable[[TaskRef], Task]
) -> int:
    """Return the operations of each trunk, up to its deepest cut, for every image that some replicate uses."""
    groups: dict[str, list[tuple[Condition, int]]] = {}
    for condition, trial in finished:
        if condition.feature_set is not None:
            groups.setdefault(condition.feature_set.key, []).append((condition, trial.replicate))
    total = 0
    for members in groups.values():
        deepest = max((condition for condition, _ in members), key=lambda condition: condition.trunk)
        task = open_task(deepest.task)
        num_images = _num_used(members, task) + len(task.test_index)
        total += models[_model_of(deepest)].cost.trunk_flops[deepest.trunk] * num_images
    return total


def _num_used(members: list[tuple[Condition, int]], task: Task) -> int:
    used = np.zeros(len(task.train_index), dtype=bool)
    samples = {(c.fraction, replicate): c for c, replicate in members}
    for (fraction, replicate), condition in samples.items():
        split = sample_split(
            task.train_labels,
            condition.task.num_classes,
            fraction,
            replicate,
            condition.study_seed,
            validation=condition.validation,
            val_split=condition.val_split,
            groups=task.groups,
        )
        used[split.train] = used[split.validation] = True
    return int(used.sum())


if __name__ == "__main__":
    main()
